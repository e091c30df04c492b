"""Data sets by name: `tfds:NAME`, `folder:PATH`, `embedded:digits`, `embedded:photos`.

A source is a stream of `(picture, label)`; what becomes of a picture is not its business.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from mosaickd_tf.data import image_files
from mosaickd_tf.data.datasets import DATASETS, class_names, tfds_splits
from mosaickd_tf.data.images import as_picture
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import as_name

_VALIDATION_NAMES = ("validation", "valid", "val")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A data set: its parts and how to read one.

    Attributes:
        name: as it was asked for.
        parts: the parts it has, of "train", "validation", "test"; a data set without parts
            has the single part "all".
        label_names: a name for each class, or an empty tuple when it has no labels.
        read: from a part's name to a stream of `(picture, label)`; label None without labels;
            `RequestError` for a part that is not there, or when too much of it is broken.
        skipped: what was broken so far, a `image_files.Skipped`; None for a data set that is
            not made of files.
    """

    name: str
    parts: tuple[str, ...]
    label_names: tuple[str, ...]
    read: Callable[[str], Iterator[tuple[Image.Image, int | None]]]
    skipped: image_files.Skipped | None = None


def open_source(name, data_dir="", max_broken=0):
    """Finds a data set by name.

    Args:
        name: `tfds:NAME`, `folder:PATH`, `embedded:digits` or `embedded:photos`.
        data_dir: where TFDS keeps its prepared data sets; its own default if empty.
        max_broken: how many files of a folder may be broken; below 1, which share of them.

    Returns:
        A `Source`. Nothing is downloaded.

    Raises:
        RequestError: when there is no such data set.
    """
    source = _opened(name, data_dir, max_broken)
    return dataclasses.replace(source, read=functools.partial(_read_part, source))


def _opened(name, data_dir, max_broken):
    kind, _, place = name.partition(":")
    if kind == "embedded" and place in _EMBEDDED:
        return _EMBEDDED[place](name)
    if kind == "folder" and place:
        return _folder(name, pathlib.Path(place).expanduser(), max_broken)
    if kind == "tfds" and place:
        return _tfds(name, place, data_dir)
    known = ", ".join(["tfds:NAME", "folder:PATH", *(f"embedded:{e}" for e in _EMBEDDED)])
    raise RequestError(
        f"Unknown data set. Expected one of: {known}. Received: {name!r}. --ood_dataset=help lists "
        "those that are known"
    )


def _read_part(source, part):
    if part not in source.parts:
        raise RequestError(
            f"No such part of {source.name!r}. Expected one of: {', '.join(source.parts)}. "
            f"Received: {part!r}"
        )
    return source.read(part)


def _digits(name):
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.round(digits.images * (255 / 16)).astype(np.uint8)
    train = DATASETS[name].parts["train"].images  # the test digits are by other writers
    rows = {"train": range(train), "test": range(train, len(images))}

    def read(part):
        for row in rows[part]:
            yield as_picture(images[row]), int(digits.target[row])

    return Source(name=name, parts=("train", "test"), label_names=tuple("0123456789"), read=read)


def _photos(name):
    from sklearn.datasets import load_sample_images

    pictures = [as_picture(image) for image in load_sample_images().images]
    return Source(
        name=name,
        parts=("all",),
        label_names=(),
        read=lambda part: ((picture, None) for picture in pictures),
    )


_EMBEDDED = {"digits": _digits, "photos": _photos}


def _folder(name, root, max_broken):
    if not root.is_dir():
        raise RequestError(
            f"No such folder. Expected a folder of images. Received: {name!r}. Mind that a "
            "relative path starts where the command is run"
        )
    folders = _part_folders(root)
    files, broken = {}, []
    for part, folder in folders.items():
        files[part], faults = image_files.find(folder)
        broken += faults
    every = sum(map(len, files.values())) + len(broken)
    skipped = image_files.Skipped(name, max_broken, every, broken)
    for part, folder in folders.items():
        if not files[part]:
            raise RequestError(
                f"No images below {str(folder)!r}. Expected files that end in one of "
                f"{', '.join(sorted(image_files.SUFFIXES))}. Received: {name!r} without. Name "
                "a folder that holds some"
            )
    classes = _class_names(folders, files)
    numbers = {folder: number for number, folder in enumerate(classes)}

    def read(part):
        for path in files[part]:
            place = folders[part] / path
            try:
                yield image_files.read(place), numbers.get(_class_of(path))
            except image_files.BrokenPicture as error:
                skipped.add(place, str(error))

    return Source(
        name=name,
        parts=tuple(folders),
        label_names=tuple(map(as_name, classes)),
        read=read,
        skipped=skipped,
    )


def _part_folders(root):
    """The folder of each part; the root itself where there are none."""
    parts = {part: image_files.part_folder(root, part) for part in ("train", "test")}
    if any(parts.values()):
        for alias in _VALIDATION_NAMES:
            parts["validation"] = image_files.part_folder(root, alias) or parts.get("validation")
    return {part: folder for part, folder in parts.items() if folder} or {"all": root}


def _class_of(path):
    """The class folder of an image, or "" for an image right below the root."""
    folder, slash, _ = path.partition("/")
    return folder if slash else ""


def _class_names(folders, files):
    """The class folders, the same in every part; none if any image lies outside of one."""
    names = {part: set(map(_class_of, files[part])) for part in folders}
    every = set().union(*names.values())
    if "" in every:
        return ()
    for part, found in names.items():
        if found != every:
            lacking = ", ".join(map(as_name, sorted(every - found)[:5]))
            raise RequestError(
                "The parts of a data set must have the same class folders. Expected "
                f"{len(every)} in {str(folders[part])!r}. Received: {len(found)}; it lacks "
                f"{lacking}. Add them, or take the folders away from the other parts"
            )
    return tuple(sorted(every))


def _tfds(name, dataset, data_dir):
    builder = _tfds_builder(name, dataset, data_dir)
    features = builder.info.features
    if "image" not in features:
        raise RequestError(
            f"Not a data set of images. Expected a feature `image`. Received: {name!r} with "
            f"{list(features)}. Choose another"
        )
    available = {split: facts.num_examples for split, facts in builder.info.splits.items()}
    splits = tfds_splits(name, available) or _splits_by_name(available)
    classes = class_names(features["label"].names) if "label" in features else ()
    labels = tuple(map(as_name, classes))
    return Source(
        name=name,
        parts=tuple(splits),
        label_names=labels,
        read=functools.partial(_read_tfds, builder, splits, bool(labels)),
    )


def _splits_by_name(available):
    splits = {part: part for part in ("train", "test") if part in available}
    for alias in _VALIDATION_NAMES:
        if alias in available:
            splits["validation"] = alias
    return splits or {"all": "all"}


def _tfds_builder(name, dataset, data_dir):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(dataset, data_dir=data_dir or None, try_gcs=False)
    except Exception as error:  # tfds has no common base class for an unknown name
        raise RequestError(
            f"Unknown TFDS data set. Expected a name from its catalogue. Received: {name!r} "
            f"({next(iter(str(error).splitlines()), type(error).__name__)}). See its catalogue"
        ) from error
    if not builder.info.splits:
        raise RequestError(
            f"The TFDS data set {dataset!r} is not prepared. Expected it in a folder of its name. "
            f"Received: none in {str(builder.data_dir)!r}. Prepare it where there is network "
            f"(tfds build {dataset}) and name its folder by --data_dir"
        )
    return builder


def _read_tfds(builder, splits, labelled, part):
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(split=splits[part], shuffle_files=False)
    for example in tfds.as_numpy(dataset):
        yield as_picture(example["image"]), int(example["label"]) if labelled else None
