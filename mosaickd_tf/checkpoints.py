"""The state of a run on disk: `last` and `best`, each whole or not there."""

import os
import pathlib

import tensorflow as tf

from mosaickd_tf import files


class Checkpoints:
    """A folder of checkpoints, with the names `last` and `best` pointing into it.

    A checkpoint is written to a folder of another name and renamed; then the name `last` is
    moved to it in one step, so that a process that is killed at any moment leaves the one
    before or the one after, never half of one.

    Args:
        folder: where they lie; made when the first is written.
        state: dict of what TensorFlow can track: models, optimizers, variables.
    """

    def __init__(self, folder, state):
        self.folder = pathlib.Path(folder)
        self._checkpoint = tf.train.Checkpoint(**state)

    def save(self, progress, *, best=False):
        """Writes the state and what goes with it.

        Args:
            progress: JSON-able dict with a `step`, kept beside the state.
            best: whether this is also the best state so far.
        """
        place = self.folder / f"step_{progress['step']:08d}"
        with files.whole(place) as partial:
            self._checkpoint.write(str(partial / "state"))
            files.write_json(partial / "progress.json", progress)
        # `last` moves at the end: what it says of the best is then true of `best`.
        for name in ("best", "last") if best else ("last",):
            self._point(name, place.name)
        self._forget()

    def restore(self, name="last"):
        """Brings the state back in place.

        Args:
            name: `"last"` or `"best"`.

        Returns:
            The progress that was saved with it, or None when there is no such checkpoint.
        """
        progress = self.progress(name)
        if progress is not None:
            status = self._checkpoint.read(str(self.folder / name / "state"))
            status.assert_existing_objects_matched()
        return progress

    def progress(self, name="last"):
        """The progress saved with a checkpoint, or None; the state is left alone."""
        return files.read_json(self.folder / name / "progress.json")

    def _point(self, name, target):
        with files.whole(self.folder / name) as partial:
            os.symlink(target, partial)

    def _forget(self):
        """Removes what neither name points to."""
        kept = {os.readlink(link) for link in self.folder.iterdir() if link.is_symlink()}
        for place in self.folder.glob("step_*"):
            if place.name not in kept:
                files.remove(place)
