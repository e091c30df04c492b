"""Compressed students, one after the other, each kept in a folder of its own."""

import dataclasses
import logging
import pathlib
import time

import numpy as np

from mosaickd_tf import files, models
from mosaickd_tf.compression import (
    clustering,
    conversion,
    pruning,
    quantization,
    tuning,
    weights,
    wrapping,
)
from mosaickd_tf.compression.folding import fold
from mosaickd_tf.compression.stages import stages
from mosaickd_tf.compression.steps import read_steps
from mosaickd_tf.compression.twin import folded_twin, keras_twin
from mosaickd_tf.errors import RunError

logger = logging.getLogger(__name__)

FACTS = "facts.json"
_SLACK = 0.01  # of the sparsity asked for: shares of small layers are rounded


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compressed:
    """A finished compressed student.

    Attributes:
        format: of `config.EXPORTS`.
        path: its .tflite file.
        facts: `stage`, `seconds`, and what the weights of the file are; see `weights.facts`.
    """

    format: str
    path: pathlib.Path
    facts: dict


def check(student, exports, config):
    """Raises `RequestError` when what is asked for cannot be made of this student."""
    if stages(exports, config):
        fold(read_steps(models.portable_copy(student)))


def compress(student, distiller, batches, folder, exports, config, outputs="probabilities"):
    """Makes all compressed students that are asked for; those that are there are not made again.

    Args:
        student: Keras 3 model from unit images to logits, the run's.
        distiller: the run's `Distiller`.
        batches: from the number of a round to a stream of the run's batches from it on.
        folder: where they are kept, each in a folder named after its stage.
        exports: names of formats; those of other kinds are left out.
        config: a `CompressionConfig`.
        outputs: "probabilities" or "logits", what the files give.

    Returns:
        A list of `Compressed`.

    Raises:
        RequestError: for a student or a combination that cannot be compressed.
        RunError: when training fails or a file does not have what was asked for.
    """
    maker = _Maker(student, distiller, batches, pathlib.Path(folder), config, outputs)
    return [maker.finished(stage) for stage in stages(exports, config)]


class _Maker:
    """Makes one stage after the other of a student."""

    def __init__(self, student, distiller, batches, folder, config, outputs):
        self.student = student
        self.distiller = distiller
        self.batches = batches
        self.folder = folder
        self.config = config
        self.outputs = outputs

    def finished(self, stage):
        """The `Compressed` of a stage, from disk where it is there."""
        place = self.folder / stage.name
        asked = self._asked(stage)
        there = files.read_json(place / FACTS)
        if there is None or there["asked"] != asked:
            there = self._made(stage, place, asked)
        path = place / f"student_{stage.name}.tflite"
        return Compressed(format=stage.format, path=path, facts=there["facts"])

    def _asked(self, stage):
        """All that decides what comes out, to know a finished stage again."""
        return {
            "stage": dataclasses.asdict(stage),
            "rounds": self.config.compression_rounds,
            "learning_rate": self.config.compression_learning_rate,
            "pattern": self.config.sparsity_pattern,
            "schedule": self.config.pruning_schedule,
            "outputs": self.outputs,
        }

    def _made(self, stage, place, asked):
        logger.info("%s: %d rounds", stage.name, self.config.compression_rounds)
        began = time.perf_counter()
        model = self._trained(stage, self._start(stage))
        with files.whole(place) as partial:
            partial.mkdir()
            path = partial / f"student_{stage.name}.tflite"
            conversion.save(model, path, self.outputs, integer=stage.integer)
            if not stage.integer:
                keras_twin(model, self.student).save(partial / "student.keras")
            facts = {"stage": stage.name, "seconds": time.perf_counter() - began}
            facts |= weights.facts(weights.of_file(path))
            _check_kept(stage, facts)
            content = {"asked": asked, "facts": facts}
            files.write_json(partial / FACTS, content)
        return content

    def _start(self, stage):
        """The twin that a stage starts from."""
        student = self.student
        if stage.start:
            student = models.load_classifier(self.folder / stage.start.name / "student.keras")
        images = self._some_images()
        return folded_twin(student, images)

    def _some_images(self):
        batch = next(iter(self.batches(0)))
        images = np.asarray(self.distiller.student_batch(batch, 0))
        return models.as_bytes(images[:32])

    def _trained(self, stage, twin):
        """The model of which the file is made."""
        steps = next(iter(self.batches(0)))["transfer_images"].shape[1]
        unwrap, after_update = (lambda model: model), (lambda: None)
        if stage.integer:
            model = quantization.quantization_aware(twin)
            after_update = wrapping.zeros_kept(model) if stage.start else after_update
        elif stage.clusters:
            model, unwrap = (
                clustering.cluster(twin, stage.clusters, bool(stage.start)),
                clustering.unwrap,
            )
        else:
            times = tuning.updates(self.config, steps)
            model, unwrap = pruning.prune(twin, stage.sparsity, self.config, times), pruning.unwrap
        tuning.tune(
            model,
            self.distiller,
            self.batches,
            self.config,
            after_update=after_update,
            name=stage.name,
        )
        return unwrap(model)


def _check_kept(stage, facts):
    """Raises `RunError` unless the file has the zeros and the values that it is there for."""
    sparsity = (stage.start or stage).sparsity
    if sparsity and facts["sparsity"] < sparsity - _SLACK:
        raise RunError(
            f"The file of {stage.name} lost its zeros. Expected a sparsity of {sparsity:g}. "
            f"Received: {facts['sparsity']:.3f}"
        )
    most = max(layer["values"] for layer in facts["layers"])
    if stage.clusters and most > stage.clusters:
        raise RunError(
            f"The file of {stage.name} lost its clusters. Expected {stage.clusters} values a "
            f"layer. Received: {most}"
        )
