"""What can still be made of a run that is finished."""

import dataclasses
import pathlib

from mosaickd_tf.config import DistillConfig, from_options
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import validate
from mosaickd_tf.pipeline.run import Experiment
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.run_folder import RunFolder


def compress(workdir, exports, config, outputs, data_dir=""):
    """Compresses the student of a finished run, with its teacher, generator and pictures.

    Args:
        workdir: the folder of the run.
        exports: names of formats; those of other kinds are left out.
        config: a `CompressionConfig`.
        outputs: "probabilities" or "logits", what the files give.
        data_dir: where TFDS keeps its data sets now, if elsewhere than when the run was made.

    Returns:
        A list of `compression.Compressed`.

    Raises:
        RequestError: for a folder without a finished run, without its last checkpoint or with a
            process at work, or what cannot be compressed.
    """
    result = files.read_json(pathlib.Path(workdir) / "result.json")
    if result is None:
        raise RequestError(
            f"--exports={','.join(exports)} needs the teacher and the generator of a finished "
            f"run. Expected its folder. Received: --workdir={str(workdir)!r}"
        )
    topics = {field.name: field.default_factory for field in dataclasses.fields(DistillConfig)}
    asked = DistillConfig(
        **{name: from_options(topic, result["config"]) for name, topic in topics.items()}
    )
    if data_dir:
        asked = dataclasses.replace(asked, data=dataclasses.replace(asked.data, data_dir=data_dir))
    with RunFolder.opened(workdir) as folder:
        _check_state(folder, asked.optimization.rounds)
        run = Experiment(asked, folder, *validate.validate_and_load(asked))
        return run.compress(exports, config, outputs)


def _check_state(folder, rounds):
    """Raises `RequestError` unless the players are there as they ended; nothing is replayed."""
    reached = (Checkpoints(folder / "checkpoints", {}).progress() or {}).get("step")
    if reached != rounds:
        raise RequestError(
            f"Compression goes on from where a run ended. Expected a checkpoint of round {rounds} "
            f"in {str(folder / 'checkpoints')!r}. Received: "
            f"{'none' if reached is None else f'the latest is of round {reached}'}. Name a run "
            "that has kept its own"
        )
