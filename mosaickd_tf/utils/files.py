"""Atomic writing, reading and removal of files and folders."""

import contextlib
import errno
import hashlib
import json
import logging
import os
import pathlib
import shutil

logger = logging.getLogger(__name__)

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DISK_FULL_MESSAGES = tuple(os.strerror(number) for number in _DISK_FULL)


@contextlib.contextmanager
def atomic_write(path):
    """Writes a file or folder to a temporary path and renames it at the end.

    The former content of `path` stays until the new one is complete and on the disk, so that
    neither a kill nor a power failure leaves a partial one; after an error it is kept. The
    temporary name keeps the suffix, which some writers require.

    Args:
        path: path of the file or folder.

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
        _rename(partial, path)
        _flush_entry(path.parent)
    finally:
        remove(partial)


@contextlib.contextmanager
def atomic_folder(folder):
    """Writes several files to a temporary folder and moves them to `folder` at the end.

    Other files of `folder` stay; after an error everything stays as it was.

    Args:
        folder: folder of the files and folders; created if missing, and removed after an error
            if it was created.

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
        for path in sorted(partial.iterdir()):
            _rename(path, folder / path.name)
        _flush_entry(folder)
        partial.rmdir()
    except BaseException:
        remove(folder if is_new else partial)
        raise


def write_text(path, text):
    """Writes a text file atomically."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path, content):
    """Writes a JSON file atomically.

    Raises:
        ValueError: for a number that is not finite.
    """
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path):
    """Reads a JSON file; returns None if it does not exist.

    Raises:
        ValueError: when its content is no JSON.
    """
    path = pathlib.Path(path)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def read_json_if_valid(path):
    """Reads a JSON file that can be written again; logs a broken one and returns None."""
    try:
        return read_json(path)
    except ValueError as error:
        logger.warning("%s is broken (%s) and will be written again", path, error)
        return None


def sha256(path):
    """Returns the SHA-256 of a file's content as hex."""
    with pathlib.Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_folder(folder, paths=None):
    """Returns the SHA-256 of files of a folder and of their names in it, as hex.

    Args:
        folder: the folder.
        paths: those of the files, relative to the folder; all below it if left out.
    """
    folder = pathlib.Path(folder)
    if paths is None:
        paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(map(pathlib.Path, paths)):
        digest.update(f"{json.dumps(path.as_posix())} {sha256(folder / path)}".encode())
    return digest.hexdigest()


def remove(path):
    """Removes a file or a folder if it exists."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def cache_folder(name, cache_dir=""):
    """Returns the folder of a cache.

    Args:
        name: name of the cache.
        cache_dir: the folder; `name` in the user's cache folder if empty.

    Returns:
        A `pathlib.Path`, which may not exist yet.
    """
    if cache_dir:
        return pathlib.Path(cache_dir).expanduser()
    user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(user_cache, "mosaickd_tf", name)


def is_disk_full(error):
    """Checks whether an error comes from a full disk, a quota or a file size limit.

    Libraries wrap the system's error in their own exceptions, some only its message.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if any(message in str(error) for message in _DISK_FULL_MESSAGES):
            return True
        error = error.__cause__ or error.__context__
    return False


def _rename(partial, path):
    """Renames `partial` to `path`; an existing folder is moved aside first."""
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
    """Waits until a file, or a folder with its content, is on the disk."""
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
        if error.errno != errno.EINVAL:  # a file system without fsync
            raise
    finally:
        os.close(descriptor)
