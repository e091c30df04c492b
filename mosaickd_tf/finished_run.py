"""What can still be made of a run that is finished."""

import dataclasses
import pathlib

from mosaickd_tf import files, preparing
from mosaickd_tf.config import DistillConfig, from_options
from mosaickd_tf.errors import RequestError
from mosaickd_tf.experiment import Experiment
from mosaickd_tf.run_folder import RunFolder


def compress(workdir, exports, config, outputs):
    """Compresses the student of a finished run, with its teacher, generator and pictures.

    Args:
        workdir: the folder of the run.
        exports: names of formats; those of other kinds are left out.
        config: a `CompressionConfig`.
        outputs: "probabilities" or "logits", what the files give.

    Returns:
        A list of `compression.Compressed`.

    Raises:
        RequestError: for a folder without a finished run or with a process at work, or what
            cannot be compressed.
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
    with RunFolder.opened(workdir) as folder:
        run = Experiment(asked, folder, *preparing.prepare(asked))
        return run.compress(exports, config, outputs)
