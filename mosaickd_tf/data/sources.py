"""Data sets by name: `tfds:NAME`, `folder:PATH`, `embedded:digits`, `embedded:photos`.

A source is a stream of `(picture, label)`; what becomes of a picture is not its business.
"""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from mosaickd_tf.data.datasets import DATASETS, tfds_splits
from mosaickd_tf.data.images import as_picture
from mosaickd_tf.errors import RequestError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"}
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
            `RequestError` for a part that is not there.
    """

    name: str
    parts: tuple[str, ...]
    label_names: tuple[str, ...]
    read: Callable[[str], Iterator[tuple[Image.Image, int | None]]]


def open_source(name, data_dir=""):
    """Finds a data set by name.

    Args:
        name: `tfds:NAME`, `folder:PATH`, `embedded:digits` or `embedded:photos`.
        data_dir: where TFDS keeps its prepared data sets; its own default if empty.

    Returns:
        A `Source`. Nothing is downloaded.

    Raises:
        RequestError: when there is no such data set.
    """
    source = _opened(name, data_dir)
    return dataclasses.replace(source, read=functools.partial(_read_part, source))


def _opened(name, data_dir):
    kind, _, place = name.partition(":")
    if kind == "embedded" and place in _EMBEDDED:
        return _EMBEDDED[place](name)
    if kind == "folder" and place:
        return _folder(name, pathlib.Path(place).expanduser())
    if kind == "tfds" and place:
        return _tfds(name, place, data_dir)
    known = ", ".join(["tfds:NAME", "folder:PATH", *(f"embedded:{e}" for e in _EMBEDDED)])
    raise RequestError(f"Unknown data set. Expected one of: {known}. Received: {name!r}")


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


def _folder(name, root):
    if not root.is_dir():
        raise RequestError(
            f"No such folder. Expected a folder of images. Received: {name!r}. Mind that a "
            "relative path starts where the command is run"
        )
    folders = {"train": root / "train", "test": root / "test"}
    folders = {part: path for part, path in folders.items() if path.is_dir()}
    for alias in _VALIDATION_NAMES:
        if folders and (root / alias).is_dir():
            folders["validation"] = root / alias
    folders = folders or {"all": root}
    files = {part: _image_files(path) for part, path in folders.items()}
    for part, path in folders.items():
        if not files[part]:
            raise RequestError(
                f"No images below {str(path)!r}. Expected files that end in one of "
                f"{', '.join(sorted(SUFFIXES))}"
            )
    classes = _class_names(folders, files)

    def read(part):
        for path in files[part]:
            label = classes.index(_class_of(path, folders[part])) if classes else None
            yield _open_picture(path), label

    return Source(name=name, parts=tuple(folders), label_names=classes, read=read)


def _image_files(root):
    """Image files below a folder, in an order that no file system changes."""
    found = []
    for folder, _, names in os.walk(root):
        found += [
            pathlib.Path(folder, n) for n in names if pathlib.Path(n).suffix.lower() in SUFFIXES
        ]
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _class_of(path, root):
    """The class folder of an image, or "" for an image right below the root."""
    inside = path.relative_to(root).parts
    return inside[0] if len(inside) > 1 else ""


def _class_names(folders, files):
    """The class folders, the same in every part; none if any image lies outside of one."""
    names = {part: {_class_of(f, folders[part]) for f in files[part]} for part in folders}
    every = set().union(*names.values())
    if "" in every:
        return ()
    for part, found in names.items():
        if found != every:
            raise RequestError(
                f"The parts of a data set must have the same class folders. {str(folders[part])!r} "
                f"lacks: {', '.join(sorted(every - found)[:5])}"
            )
    return tuple(sorted(every))


def _open_picture(path):
    try:
        with Image.open(path) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RequestError(
            f"Broken image. Expected a readable picture. Received: {str(path)!r} "
            f"({str(error).splitlines()[0]}). Repair or remove the file"
        ) from error
    return picture


def _tfds(name, dataset, data_dir):
    builder = _tfds_builder(name, dataset, data_dir)
    features = builder.info.features
    if "image" not in features:
        raise RequestError(
            f"A data set of images has a feature `image`. Received: {name!r} with {list(features)}"
        )
    available = {split: facts.num_examples for split, facts in builder.info.splits.items()}
    splits = tfds_splits(name, available) or _splits_by_name(available)
    labels = tuple(features["label"].names) if "label" in features else ()
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
            f"({str(error).splitlines()[0]})"
        ) from error
    if not builder.info.splits:
        raise RequestError(
            f"The TFDS data set {dataset!r} is not prepared in {str(builder.data_dir)!r}. Prepare "
            f"it where there is network (tfds build {dataset}) and name its folder by --data_dir"
        )
    return builder


def _read_tfds(builder, splits, labelled, part):
    import tensorflow_datasets as tfds

    dataset = builder.as_dataset(split=splits[part], shuffle_files=False)
    for example in tfds.as_numpy(dataset):
        yield as_picture(example["image"]), int(example["label"]) if labelled else None
