"""The state of a run on disk: each checkpoint whole, with the sums of its files, or not used."""

import logging
import pathlib
import re

import numpy as np
import tensorflow as tf

from mosaickd_tf.errors import RunError
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

_KEPT = 2  # of each name, so that there is one before the newest
_SUMS, _NAMES = "sums.json", "names.json"
_NAME = re.compile(r"step_\d+_save_(\d+)")


class NotFinite(ValueError):
    """A state that is not finite was not saved; the argument names what in it."""


class Checkpoints:
    """A folder of checkpoints, numbered as they come.

    A checkpoint is written to a folder of another name, the SHA-256 of each of its files at the
    end, and renamed; so a process that is killed at any moment leaves the one before or the one
    after, never half of one, and bytes that have changed since are noticed. Besides its number a
    checkpoint may be given names, as `best`; each says which ones had them when it was written.
    The last two of all, and of each name, are kept. For people there are links, `last` and one of
    each name, to the newest; nothing is read through them.

    Args:
        folder: where they lie; made when the first is written.
        state: dict of what TensorFlow can track: models, optimizers, variables.
    """

    def __init__(self, folder, state):
        self.folder = pathlib.Path(folder)
        self._checkpoint = tf.train.Checkpoint(**state)
        self._named = None  # numbers by name, the latest last, once they are known
        self._broken = set()

    def save(self, progress, *, names=()):
        """Writes the state and what goes with it.

        Args:
            progress: JSON-able dict with a `step`, kept beside the state.
            names: what else to call it from now on.

        Raises:
            NotFinite: when a number of the state is not; nothing is saved then.
        """
        there = self._there()
        number = max(there, default=0) + 1
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
        """Brings a state back in place, the latest that is whole; those that are not are said.

        Args:
            name: `"last"` for any, or one of the names that some were given.

        Returns:
            The progress that was saved with it, or None when there never was one.

        Raises:
            RunError: when there are some but none is whole, or they are of other networks.
        """
        numbers = self._numbers(name)
        for number in reversed(numbers):
            place = self._there().get(number)
            if place and _is_whole(place):
                self._named = files.read_json(place / _NAMES)
                self._read(place)
                return files.read_json(place / "progress.json")
            self._broken.add(number)
            logger.warning("checkpoint %s is broken; the one before is used", place or number)
        if numbers:
            raise RunError(
                f"No checkpoint in {str(self.folder)!r} is whole. Expected files as they were "
                f"written. Received: {len(numbers)} that have changed. Move the folder away to "
                "begin anew"
            )
        return None

    def progress(self):
        """What was saved with the latest that is whole, or None; the state is left alone."""
        newest = self._newest()
        return files.read_json(newest / "progress.json") if newest else None

    def has(self, name):
        """Whether a checkpoint was given the name."""
        return bool(self._numbers(name))

    def _numbers(self, name):
        return sorted(self._there()) if name == "last" else self._names().get(name, [])

    def _names(self):
        """Numbers by name, as the checkpoint says that was restored or written last."""
        if self._named is None:
            newest = self._newest()
            self._named = files.read_json(newest / _NAMES) if newest else {}
        return self._named

    def _newest(self):
        """The folder of the latest that is whole, or None."""
        there = self._there()
        places = (there[number] for number in sorted(there, reverse=True))
        return next(filter(_is_whole, places), None)

    def _there(self):
        """Folders of checkpoints by number."""
        found = {path: _NAME.fullmatch(path.name) for path in self.folder.glob("step_*")}
        return {int(match[1]): path for path, match in found.items() if match}

    def _read(self, place):
        try:
            status = self._checkpoint.read(str(place / "state"))
            status.assert_existing_objects_matched()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            raise RunError(
                f"The checkpoint {str(place)!r} is of other networks. Expected one that this "
                "version of the program wrote. Received: a state that does not fit. Move the "
                "folder away to begin anew"
            ) from error

    def _forget(self, newest):
        """Removes what is neither among the last nor named, and what killed processes left."""
        there = self._there()
        last = sorted(set(there) - self._broken)[-_KEPT:]
        kept = {newest, *last, *(number for of in self._named.values() for number in of)}
        for number, place in there.items():
            if number not in kept:
                files.remove(place)
        for leftover in self.folder.glob(".step_*"):
            files.remove(leftover)


def _check_finite(path):
    reader = tf.train.load_checkpoint(str(path))
    for key, dtype in reader.get_variable_to_dtype_map().items():
        if dtype.is_floating and not np.isfinite(reader.get_tensor(key).astype("float32")).all():
            raise NotFinite(key.partition("/")[0])


def _is_whole(place):
    """Whether every byte of a checkpoint is as it was written."""
    try:
        sums = files.read_json(place / _SUMS)
        return {_NAMES, "progress.json"} < set(sums) and all(
            files.sha256(place / name) == value for name, value in sums.items()
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return False
