"""Compression of the student of a finished run."""

import dataclasses

from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import validate
from mosaickd_tf.pipeline.run import Run
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.workdir import inputs
from mosaickd_tf.workdir.finished import FinishedRun
from mosaickd_tf.workdir.run_folder import RunFolder


def compress(workdir, exports, config, outputs, data_dir=""):
    """Compresses the student of a finished run, with its teacher, generator and images.

    Args:
        workdir: the folder of the run.
        exports: names of formats; those that are not compressed ones are ignored.
        config: a `CompressionConfig`.
        outputs: "probabilities" or "logits", the outputs of the files.
        data_dir: where TFDS keeps its data sets now, if elsewhere than when the run was made.

    Returns:
        A list of `compression.Compressed`.

    Raises:
        RequestError: for a folder without a finished run, without its last checkpoint or with
            another process at work, or a student that cannot be compressed.
    """
    finished = FinishedRun(workdir)
    request = finished.config
    if data_dir:
        data = dataclasses.replace(request.data, data_dir=data_dir)
        request = dataclasses.replace(request, data=data)
    inputs.check_unchanged(finished, config=request)
    with RunFolder.opened(workdir) as folder:
        _check_last_checkpoint(finished.checkpoints_path, request.optimization.rounds)
        return Run(validate.validate_and_load(request), folder).compress(exports, config, outputs)


def _check_last_checkpoint(path, rounds):
    """Raises `RequestError` unless the networks are stored as they ended; nothing is repeated."""
    reached = (Checkpoints(path, {}).progress() or {}).get("step")
    if reached != rounds:
        raise RequestError(
            f"Compression starts from the end of a run. Expected a checkpoint of round {rounds} "
            f"in {str(path)!r}. Received: "
            f"{'none' if reached is None else f'the latest is of round {reached}'}. Name a run "
            "that has kept its own"
        )
