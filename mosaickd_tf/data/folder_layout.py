"""Layout of a folder of images: wrapping folders, splits and class folders."""

import dataclasses
import logging
import os
import pathlib

from mosaickd_tf.data import image_files, image_formats, label_files
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import as_name, printable

logger = logging.getLogger(__name__)

_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
_SPLITS = ("train", "test", "validation")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """The folders of a data set and the files in them.

    Attributes:
        folders: dict from splits to their folders; the root as "all" where there are none.
        files: dict from splits to the paths of their images, relative to their folders.
        broken: list of `BrokenFile`.
        passed_over: as of `image_files.Found`, of all folders together.
    """

    folders: dict
    files: dict
    broken: list
    passed_over: dict

    @property
    def num_files(self):
        """Number of the image files, broken ones among them."""
        return sum(map(len, self.files.values())) + len(self.broken)

    def without_class(self):
        """Returns the paths of the images that are in no class folder."""
        return [path for paths in self.files.values() for path in paths if not class_of(path)]


def read_layout(root, whole=False):
    """Finds the splits of a folder of images, and their files.

    A folder that holds nothing but one folder of folders is descended. Folders are splits by
    their names in any case, such as train, Training, val, valid, validation, test, testing.
    They are class folders where other folders lie beside a single one without folders in it.

    Args:
        root: the folder, a `pathlib.Path`.
        whole: whether all images are wanted, whatever folder they are in.

    Returns:
        A `Layout`.

    Raises:
        RequestError: for two folders of one split, or a split that is a link out of the root.
    """
    root = pathlib.Path(root)
    if not whole:
        root = _unwrapped(root)
    folders = {"all": root} if whole else split_folders(root)
    files, broken, passed_over = {}, [], {}
    for split, folder in folders.items():
        found = image_files.find(folder)
        files[split] = found.paths
        broken += found.broken
        for suffix, (count, example) in found.passed_over.items():
            known = passed_over.setdefault(suffix, [0, example])
            known[0] += count
    return Layout(folders=folders, files=files, broken=broken, passed_over=passed_over)


def split_folders(root):
    """Returns a dict from the splits of a folder to their folders; see `read_layout`."""
    found = {}
    entries = _entries(root)
    for path in entries:
        split = _SPLIT_NAMES.get(path.name.lower())
        if not split or not path.is_dir():
            continue
        if split in found:
            raise RequestError(
                f"Two folders for one split. Expected one for {split} in {str(root)!r}. Received: "
                f"{found[split].name!r} and {path.name!r}. Move one of them away"
            )
        found[split] = _checked(path, root)
    others = [path for path in entries if path not in found.values() and _has_images(path)]
    if not found or (others and set(found) == {"validation"}):
        return {"all": root}
    if others and len(found) == 1 and not any(map(pathlib.Path.is_dir, _entries(*found.values()))):
        logger.info("%s: %s is a class, not a split", _name(root), _name(*found.values()))
        return {"all": root}
    if others:
        _warn_of_others(root, found, others)
    return {split: found[split] for split in _SPLITS if split in found}


def class_of(path):
    """Returns the class folder of an image, or "" for an image directly below the root."""
    folder, slash, _ = path.partition("/")
    return folder if slash else ""


def class_names(layout):
    """Returns the class folders, common to all splits; empty if any image is outside of one.

    They are in the order of their names, or in that of their numbers where all are numbers.

    Raises:
        RequestError: when a split lacks a class of another one.
    """
    names = {split: set(map(class_of, paths)) for split, paths in layout.files.items()}
    every = set().union(*names.values())
    if "" in every:
        return ()
    for split, found in names.items():
        if found != every:
            lacking = ", ".join(map(as_name, sorted(every - found)[:5]))
            raise RequestError(
                "The splits of a data set must have the same class folders. Expected "
                f"{len(every)} in {str(layout.folders[split])!r}. Received: {len(found)}; it lacks "
                f"{lacking}. Add them, or remove the folders from the other splits"
            )
    if all(name.isascii() and name.isdigit() for name in every):
        return tuple(sorted(every, key=lambda name: (int(name), name)))
    return tuple(sorted(every))


def _unwrapped(root):
    """Returns the folder that holds the splits or classes, below wrapping folders."""
    while True:
        entries = _entries(root)
        inner = entries[0] if len(entries) == 1 else None
        # A folder of images alone is a class; a link is not followed.
        wraps = inner is not None and inner.is_dir() and not inner.is_symlink()
        if not wraps or inner.name.lower() in _SPLIT_NAMES:
            return root
        below = _entries(inner)
        if not any(path.is_dir() for path in below) or not _only_folders(below):
            return root
        logger.info("%s: its only folder %s holds the data set", _name(root), _name(inner))
        root = inner


def _only_folders(entries):
    return all(
        path.is_dir() or path.name == label_files.NAME or image_formats.is_text(path.name)
        for path in entries
    )


def _entries(folder):
    """Returns the entries of a folder that count, by name, files of text left out."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    paths = [pathlib.Path(folder, name) for name in names if not image_formats.is_clutter(name)]
    return [
        path
        for path in paths
        if path.name == label_files.NAME or not image_formats.is_text(path.name) or path.is_dir()
    ]


def _has_images(path):
    if path.is_symlink():
        return path.is_dir()
    if path.is_dir():
        return bool(image_files.find(path).paths)
    return image_formats.suffix(path.name) in image_formats.read_suffixes()


def _warn_of_others(root, found, others):
    count = sum(len(image_files.find(path).paths) if path.is_dir() else 1 for path in others)
    logger.warning(
        "%s: %s are its splits; %d images beside them are not used, such as in %s",
        _name(root),
        ", ".join(_name(path) for path in found.values()),
        count,
        _name(others[0]),
    )


def _name(path):
    return printable(pathlib.Path(path).name)


def _checked(path, root):
    """Returns the folder of a split; raises `RequestError` for a link that leads out of the root.

    What it leads to may be private, or change under a run.
    """
    if not image_files.is_inside(os.path.realpath(path), os.path.realpath(root)):
        raise RequestError(
            f"A link out of its data set. Expected a folder inside of {str(root)!r}. Received: "
            f"{str(path)!r}, which leads to {os.path.realpath(path)!r}. Pass the folder that "
            "contains it, or copy it there"
        )
    return path
