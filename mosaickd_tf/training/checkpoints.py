"""Checkpoints on disk, written atomically and verified by the checksums of their files."""

import logging
import pathlib
import re

import numpy as np
import tensorflow as tf

from mosaickd_tf.errors import RunError
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

_KEPT = 2  # of each name, so that one is left if the newest breaks
_SUMS, _NAMES = "sums.json", "names.json"
_NAME = re.compile(r"step_\d+_save_(\d+)")


class NotFinite(ValueError):
    """A state was not saved because it is not finite; the argument is the key of the state."""


class Checkpoints:
    """A folder of checkpoints, numbered in the order of writing.

    A checkpoint is written to a folder of another name, the SHA-256 of each of its files at the
    end, and renamed: a process that is killed at any moment leaves the one before or the one
    after, never half of one, and bytes that have changed since are noticed. Besides its number a
    checkpoint may be given names, such as `best`; each checkpoint lists the names of all that
    there were when it was written. The last two of all, and of each name, are kept. Links, `last`
    and one of each name, lead users to the newest; the program does not read through them.

    Args:
        folder: of the checkpoints; created when the first is written.
        state: dict of objects that TensorFlow can track: models, optimizers, variables.
        optional: keys of the state that older checkpoints may lack; what they stand for is then
            left as it is.
    """

    def __init__(self, folder, state, optional=()):
        self.folder = pathlib.Path(folder)
        self._state = dict(state)
        self._optional = frozenset(optional)
        self._checkpoint = tf.train.Checkpoint(**state)
        self._named = None  # numbers by name, the latest last, once they are known
        self._broken = set()

    def save(self, progress, *, names=()):
        """Writes a checkpoint.

        Args:
            progress: JSON-able dict with a `step`, kept beside the state.
            names: names of the checkpoint besides its number.

        Raises:
            NotFinite: when a number of the state is not finite; nothing is saved then.
        """
        folders = self._folders()
        number = max(folders, default=0) + 1
        former = self._names()
        named = former | {name: [*former.get(name, []), number][-_KEPT:] for name in names}
        place = self.folder / f"step_{progress['step']:08d}_save_{number:06d}"
        with files.atomic_write(place) as partial:
            self._checkpoint.write(str(partial / "state"))
            _check_finite(partial / "state")
            files.write_json(partial / "progress.json", progress)
            files.write_json(partial / _NAMES, named)
            sums = {path.name: files.sha256(path) for path in sorted(partial.iterdir())}
            files.write_json(partial / _SUMS, sums)
        self._named = named
        for name in ("last", *names):
            with files.atomic_write(self.folder / name) as link:
                link.symlink_to(place.name)
        self._forget(number)

    def restore(self, name="last"):
        """Restores the state of the newest intact checkpoint; broken ones are logged.

        Args:
            name: `"last"` for any, or a name given to `save`.

        Returns:
            The progress that was saved with it, or None when there never was a checkpoint.

        Raises:
            RunError: when there are checkpoints but none is intact, or they are of other networks.
        """
        numbers = self._numbers(name)
        for number in reversed(numbers):
            place = self._folders().get(number)
            if place and _is_intact(place):
                self._named = files.read_json(place / _NAMES)
                self._read(place)
                return files.read_json(place / "progress.json")
            self._broken.add(number)
            logger.warning("checkpoint %s is broken; the one before is used", place or number)
        if numbers:
            raise RunError(
                f"No checkpoint in {str(self.folder)!r} is intact. Expected files as they were "
                f"written. Received: {len(numbers)} that have changed. Move the folder away to "
                "start over"
            )
        return None

    def progress(self):
        """Returns the progress of the newest intact checkpoint, or None; restores nothing."""
        newest = self._newest()
        return files.read_json(newest / "progress.json") if newest else None

    def has(self, name):
        """Returns whether a checkpoint was given the name."""
        return bool(self._numbers(name))

    def _numbers(self, name):
        return sorted(self._folders()) if name == "last" else self._names().get(name, [])

    def _names(self):
        """Returns numbers by name, as listed by the checkpoint restored or written last."""
        if self._named is None:
            newest = self._newest()
            self._named = files.read_json(newest / _NAMES) if newest else {}
        return self._named

    def _newest(self):
        """Returns the folder of the newest intact checkpoint, or None."""
        folders = self._folders()
        places = (folders[number] for number in sorted(folders, reverse=True))
        return next(filter(_is_intact, places), None)

    def _folders(self):
        """Returns folders of checkpoints by number."""
        found = {path: _NAME.fullmatch(path.name) for path in self.folder.glob("step_*")}
        return {int(match[1]): path for path, match in found.items() if match}

    def _read(self, place):
        try:
            checkpoint = self._checkpoint
            lacking = self._optional - _keys(place / "state")
            if lacking:
                present = {key: self._state[key] for key in self._state.keys() - lacking}
                checkpoint = tf.train.Checkpoint(**present)
            checkpoint.read(str(place / "state")).assert_existing_objects_matched()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise RunError(
                f"The checkpoint {str(place)!r} is of other networks. Expected one that this "
                "version of the program wrote. Received: a state that does not fit. Move the "
                "folder away to start over"
            ) from error

    def _forget(self, newest):
        """Removes checkpoints neither recent nor named, and leftovers of killed processes."""
        folders = self._folders()
        last = sorted(set(folders) - self._broken)[-_KEPT:]
        kept = {newest, *last, *(number for of in self._named.values() for number in of)}
        for number, place in folders.items():
            if number not in kept:
                files.remove(place)
        for leftover in self.folder.glob(".step_*"):
            files.remove(leftover)


def _keys(path):
    """Returns the keys of the state that a checkpoint holds."""
    return {name.partition("/")[0] for name, _ in tf.train.list_variables(str(path))}


def _check_finite(path):
    reader = tf.train.load_checkpoint(str(path))
    for key, dtype in reader.get_variable_to_dtype_map().items():
        if dtype.is_floating and not np.isfinite(reader.get_tensor(key).astype("float32")).all():
            raise NotFinite(key.partition("/")[0])


def _is_intact(place):
    """Returns whether every byte of a checkpoint is as it was written."""
    try:
        sums = files.read_json(place / _SUMS)
        return {_NAMES, "progress.json"} < set(sums) and all(
            files.sha256(place / name) == value for name, value in sums.items()
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return False
