"""Files that are written whole or not at all."""

import contextlib
import errno
import hashlib
import json
import logging
import os
import pathlib
import shutil

logger = logging.getLogger(__name__)

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_ROOM_WORDS = tuple(os.strerror(number) for number in _NO_ROOM)


@contextlib.contextmanager
def atomic_write(path):
    """Gives a path beside `path` to write a file or folder to, and renames it at the end.

    What stood at `path` before stays until the new one is complete and on the disk, so that
    neither a kill nor a power failure leaves half of it; after an error it stays for good. The
    name given keeps the suffix, which some writers insist on.

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
        _flush(partial)
        _put(partial, path)
        _flush_entry(path.parent)
    finally:
        remove(partial)


@contextlib.contextmanager
def atomic_folder(folder):
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
        _flush(partial)
        for made in sorted(partial.iterdir()):
            _put(made, folder / made.name)
        _flush_entry(folder)
        partial.rmdir()
    except BaseException:
        remove(folder if is_new else partial)
        raise


def write_text(path, text):
    """Writes a text file whole."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path, content):
    """Writes a JSON file whole; numbers that are not finite are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path):
    """Reads a JSON file; None when there is none.

    Raises:
        ValueError: when it holds no JSON.
    """
    path = pathlib.Path(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def read_kept_json(path):
    """Reads a JSON file that can be made again; None, which is said, when it is broken."""
    try:
        return read_json(path)
    except ValueError as error:
        logger.warning("%s is broken (%s) and is made again", path, error)
        return None


def sha256(path):
    """SHA-256 of a file's content in hexadecimal."""
    with pathlib.Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(path):
    """Removes a file or a folder, if it is there."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def cache_folder(name, cache_dir=""):
    """Where something is kept that can be had again.

    Args:
        name: of what is kept.
        cache_dir: the folder; `name` in that of the user if empty.

    Returns:
        A `pathlib.Path`, which need not exist.
    """
    if cache_dir:
        return pathlib.Path(cache_dir).expanduser()
    users = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(users, "mosaickd_tf", name)


def is_for_want_of_room(error):
    """Whether an error comes from a full disk, a quota or a limit on the size of files.

    Libraries wrap what the system said in exceptions of their own, some as words alone.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        if any(words in str(error) for words in _NO_ROOM_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def _put(partial, path):
    """Renames; a folder, over which nothing can be renamed, steps aside first."""
    if not path.is_dir() or path.is_symlink():
        os.replace(partial, path)
        return
    aside = path.with_name(f".{path.name}.former")
    remove(aside)
    os.replace(path, aside)
    try:
        os.replace(partial, path)
    except BaseException:
        os.replace(aside, path)
        raise
    remove(aside)


def _flush(path):
    """Waits until a file, or a folder with all that is in it, is on the disk."""
    if path.is_symlink():
        return
    if path.is_dir():
        for inside in path.iterdir():
            _flush(inside)
    _flush_entry(path)


def _flush_entry(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot wait for it
            raise
    finally:
        os.close(descriptor)
