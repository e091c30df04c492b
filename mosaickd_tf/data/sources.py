"""Data sets by name: `tfds:NAME`, `folder:PATH`, `embedded:digits`, `embedded:photos`.

A source is a stream of `(image, label)`, the image as PIL has decoded it.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from mosaickd_tf.data import datasets, image_files, image_formats
from mosaickd_tf.data.folder_layout import Layout, class_names, class_of, read_layout
from mosaickd_tf.data.images import as_pil_image
from mosaickd_tf.data.label_files import NAME as LABELS_CSV
from mosaickd_tf.data.label_files import read_labels
from mosaickd_tf.data.skipped_files import (
    SkippedFiles,
    check_most_are_read,
    passed_over_in_words,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import as_name, first_line

_VALIDATION_NAMES = ("validation", "valid", "val")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A data set: its splits and a reader of them.

    Attributes:
        name: the name that it was requested by.
        splits: those it has, of "train", "validation", "test"; a data set without splits has
            the single one "all".
        label_names: a name for each class or label, or an empty tuple without labels.
        read: from a split's name to a stream of `(image, label)`: the number of the class, a
            tuple of numbers for several labels, None without labels; `RequestError` for an
            unknown split, or when too many of its files are broken.
        skipped: the broken files so far, a `skipped_files.SkippedFiles`; None for a data set
            that does not consist of files.
        layout: the `Layout` of a folder; None for another data set.
    """

    name: str
    splits: tuple[str, ...]
    label_names: tuple[str, ...]
    read: Callable[[str], Iterator[tuple[Image.Image, int | tuple | None]]]
    skipped: SkippedFiles | None = None
    layout: Layout | None = None


def open_source(name, data_dir="", max_broken=0, task="single_label", whole=False):
    """Opens a data set by name. Nothing is downloaded.

    Args:
        name: `tfds:NAME`, `folder:PATH`, `embedded:digits` or `embedded:photos`.
        data_dir: folder of prepared TFDS data sets; TFDS's default if empty.
        max_broken: how many files of a folder may be broken; a share of them below 1.
        task: "single_label" or "multi_label", which labels are read: class folders and TFDS's
            feature `label`; for several labels `labels.csv` and TFDS's feature `labels` where
            there are some.
        whole: whether a folder is one split "all" of all images in it, without labels.

    Returns:
        A `Source`.

    Raises:
        RequestError: when there is no such data set.
    """
    source = _open(name, data_dir, max_broken, task, whole)
    return dataclasses.replace(source, read=functools.partial(_read_split, source))


def _open(name, data_dir, max_broken, task, whole):
    kind, _, place = name.partition(":")
    if kind == "embedded" and place in _EMBEDDED:
        source = _EMBEDDED[place](name)
        return source
    if kind == "folder" and place:
        return _folder(name, pathlib.Path(place).expanduser(), max_broken, task, whole)
    if kind == "tfds" and place:
        return _tfds(name, place, data_dir, task)
    known = ", ".join(["tfds:NAME", "folder:PATH", *(f"embedded:{e}" for e in _EMBEDDED)])
    raise RequestError(
        f"Unknown data set. Expected one of: {known}. Received: {name!r}. On the command line, "
        "`ood_dataset`=help lists the known ones"
    )


def _read_split(source, split):
    if split not in source.splits:
        raise RequestError(
            f"Unknown split of {source.name!r}. Expected one of: {', '.join(source.splits)}. "
            f"Received: {split!r}"
        )
    return source.read(split)


def _digits(name):
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    train = datasets.DATASETS[name].splits["train"].images  # the test digits are by other writers
    rows = {"train": range(train), "test": range(train, len(images))}

    def read(split):
        for row in rows[split]:
            yield as_pil_image(images[row]), int(digits.target[row])

    return Source(name=name, splits=("train", "test"), label_names=tuple("0123456789"), read=read)


def _photos(name):
    from sklearn.datasets import load_sample_images

    photos = [as_pil_image(image) for image in load_sample_images().images]
    return Source(
        name=name,
        splits=("all",),
        label_names=(),
        read=lambda split: ((photo, None) for photo in photos),
    )


_EMBEDDED = {"digits": _digits, "photos": _photos}


def _folder(name, root, max_broken, task, whole):
    if not root.is_dir():
        raise RequestError(
            f"No such folder. Expected a folder of images. Received: {name!r}. A relative "
            "path starts at the current folder"
        )
    layout = read_layout(root, whole)
    files = layout.files
    for split, folder in layout.folders.items():
        if not files[split]:
            raise _no_images(name, folder, layout)
    check_most_are_read(name, layout.num_files, layout.passed_over)
    if whole:
        classes, labels = (), {split: dict.fromkeys(paths) for split, paths in files.items()}
    elif task == "multi_label" and any(
        (place / LABELS_CSV).exists() for place in layout.folders.values()
    ):
        classes, labels = read_labels(layout.folders, files)
    else:
        classes = class_names(layout)
        numbers = {folder: number for number, folder in enumerate(classes)}
        labels = {
            split: {path: numbers.get(class_of(path)) for path in paths}
            for split, paths in files.items()
        }
    unread = {split: iter(paths) for split, paths in files.items()}

    def read_on():
        for split, paths in unread.items():
            for path in paths:
                yield _fault(layout.folders[split] / path)

    skipped = SkippedFiles(name, max_broken, layout.num_files, layout.broken, read_on)

    def read(split):
        unread[split] = iter(files[split])
        for path in unread[split]:
            file = layout.folders[split] / path
            try:
                image = image_files.read(file)
            except image_files.BrokenImageError as error:
                skipped.add(file, str(error))
            else:
                yield image, labels[split][path]

    return Source(
        name=name,
        splits=tuple(layout.folders),
        label_names=tuple(map(as_name, classes)),
        read=read,
        skipped=skipped,
        layout=layout,
    )


def _fault(file):
    """Returns the `BrokenFile` of an image file that cannot be read; None of another."""
    try:
        image_files.read(file)
    except image_files.BrokenImageError as error:
        return image_files.BrokenFile(path=str(file), reason=str(error))
    return None


def _no_images(name, folder, layout):
    others = ""
    if layout.passed_over:
        others = f", but with {passed_over_in_words(layout.passed_over)}"
    elif layout.broken:
        first = layout.broken[0]
        others = (
            f", but with {len(layout.broken):,} others such as {first.path!r} ({first.reason}); "
            "copy what links lead to (cp -rL FOLDER COPY)"
        )
    return RequestError(
        f"No images below {str(folder)!r}. Expected files that end in one of "
        f"{', '.join(sorted(image_formats.read_suffixes()))}. Received: {name!r} without{others}. "
        "Name a folder that contains some"
    )


def _tfds(name, dataset, data_dir, task):
    builder = _tfds_builder(name, dataset, data_dir)
    features = builder.info.features
    if "image" not in features:
        raise RequestError(
            f"Not a data set of images. Expected a feature `image`. Received: {name!r} with "
            f"{list(features)}. Choose another data set"
        )
    available = {split: info.num_examples for split, info in builder.info.splits.items()}
    splits = datasets.tfds_splits(name, available) or _splits_by_name(available)
    if task == "multi_label" and "labels" in features:
        feature, classes = "labels", features["labels"].feature.names
    else:
        feature = "label" if "label" in features else None
        classes = datasets.class_names(features["label"].names) if feature else ()
    return Source(
        name=name,
        splits=tuple(splits),
        label_names=tuple(map(as_name, classes)),
        read=functools.partial(_read_tfds, builder, splits, feature),
    )


def tfds_folder(name, data_dir=""):
    """Returns the folder of a prepared TFDS data set, as text.

    Args:
        name: `tfds:NAME`.
        data_dir: folder of prepared data sets; TFDS's default if empty.

    Raises:
        RequestError: for an unknown data set, or one that is not prepared.
    """
    return str(_tfds_builder(name, name.partition(":")[2], data_dir).data_dir)


def _splits_by_name(available):
    splits = {split: split for split in ("train", "test") if split in available}
    for alias in _VALIDATION_NAMES:
        if alias in available:
            splits["validation"] = alias
    return splits or {"all": "all"}


def _tfds_builder(name, dataset, data_dir):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(dataset, data_dir=data_dir or None, try_gcs=False)
    except Exception as error:  # TFDS has no common exception for an unknown name
        raise RequestError(
            f"Unknown TFDS data set. Expected a name from its catalogue. Received: {name!r} "
            f"({first_line(error)}). See its catalogue"
        ) from error
    if not builder.info.splits:
        raise RequestError(
            f"The TFDS data set {dataset!r} is not prepared. Expected it in a folder of its name. "
            f"Received: none in {str(builder.data_dir)!r}. Prepare it where there is network "
            f"(tfds build {dataset}) and pass its folder as `data_dir`"
        )
    return builder


def _read_tfds(builder, splits, feature, split):
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(split=splits[split], shuffle_files=False)
    for example in tfds.as_numpy(dataset):
        label = example[feature] if feature else None
        if label is not None:
            label = tuple(map(int, label)) if np.ndim(label) else int(label)
        yield as_pil_image(example["image"]), label
