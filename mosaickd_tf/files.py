"""Files that are written whole or not at all."""

import contextlib
import json
import os
import pathlib
import shutil


@contextlib.contextmanager
def whole(path):
    """Gives a path beside `path` to write a file or folder to, and renames it at the end.

    What stood at `path` before stays until the new one is complete; after an error it stays
    for good. The name given keeps the suffix, which some writers insist on.

    Args:
        path: where the file or folder shall be.

    Yields:
        A `pathlib.Path` that does not exist yet.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    remove(partial)
    try:
        yield partial
        _replace(partial, path)
    finally:
        remove(partial)


@contextlib.contextmanager
def together(folder):
    """Gives a new folder inside of `folder`, and moves what was written to it at the end.

    What stood in `folder` under other names stays; after an error everything does.

    Args:
        folder: where the files and folders shall be; made, and removed after an error if it
            was.

    Yields:
        A `pathlib.Path` of an empty folder.
    """
    folder = pathlib.Path(folder)
    is_new = not folder.exists()
    partial = folder / ".partial"
    remove(partial)
    try:
        partial.mkdir(parents=True)
        yield partial
        for made in sorted(partial.iterdir()):
            _replace(made, folder / made.name)
        partial.rmdir()
    except BaseException:
        remove(folder if is_new else partial)
        raise


def write_text(path, text):
    """Writes a text file whole."""
    with whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path, content):
    """Writes a JSON file whole; numbers that are not finite are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path):
    """Reads a JSON file; None when there is none."""
    path = pathlib.Path(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _replace(made, path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)  # a folder cannot be renamed over one that holds something
    os.replace(made, path)


def remove(path):
    """Removes a file or a folder, if it is there."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
