"""Compressed students, one after the other, each kept in a folder of its own."""

import dataclasses
import logging
import pathlib
import time

from mosaickd_tf import models
from mosaickd_tf.compression import (
    clustering,
    convert,
    pruning,
    quantization,
    training,
    weight_statistics,
    wrapping,
)
from mosaickd_tf.compression.jobs import stages
from mosaickd_tf.compression.tf_keras_copy import from_tf_keras, to_tf_keras
from mosaickd_tf.compression.toolkit import tf_keras_module
from mosaickd_tf.errors import RunError
from mosaickd_tf.models.graph.folding import fold, folded_copy, unfolded_copy
from mosaickd_tf.models.graph.nodes import read_nodes
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

FACTS = "facts.json"
_COMPARED = 32  # images on which a twin is compared with the student, and its file with it
_DECIDING = (  # options that decide what a stage comes to, beside what the stage says
    "compression_rounds",
    "sparsity_pattern",
    "pruning_schedule",
)
_SLACK = 0.01  # of the sparsity asked for: shares of small layers are rounded


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compressed:
    """A finished compressed student.

    Attributes:
        format: of `config.EXPORTS`.
        path: its .tflite file.
        facts: `stage`, `seconds`, and what the file's weights are; see `weight_statistics.facts`.
    """

    format: str
    path: pathlib.Path
    facts: dict


def check(student, exports, config):
    """Raises `RequestError` when what is asked for cannot be made of this student."""
    if stages(exports, config):
        fold(read_nodes(models.portable_copy(student)))


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
    asked = stages(exports, config)
    if not asked:
        return []
    maker = _Maker(student, distiller, batches, pathlib.Path(folder), config, outputs)
    return [maker.finished(stage) for stage in asked]


class _Maker:
    """Makes one stage after the other of a student."""

    def __init__(self, student, distiller, batches, folder, config, outputs):
        self.student = student
        self.distiller = distiller
        self.batches = batches
        self.folder = folder
        self.config = config
        self.outputs = outputs
        self.first_batch = next(iter(batches(0)))

    def finished(self, stage):
        """The `Compressed` of a stage, from disk where it is there."""
        place = self.folder / stage.name
        asked = self._asked(stage)
        there = files.read_json(place / FACTS)
        if there is None or there["asked"] != asked:
            there = self._made(stage, place, asked)
        path = place / _file(stage)
        return Compressed(format=stage.format, path=path, facts=there["facts"])

    def _asked(self, stage):
        """All that decides what comes out, to know a finished stage again."""
        options = dataclasses.asdict(self.config)
        told = {name: options[name] for name in _DECIDING}
        told["learning_rate"] = stage.learning_rate(self.config)
        return {"stage": dataclasses.asdict(stage), "outputs": self.outputs} | told

    def _made(self, stage, place, asked):
        logger.info("%s: %d rounds", stage.name, self.config.compression_rounds)
        began = time.perf_counter()
        seen = training.images(self.distiller, self.first_batch)
        images = seen[:_COMPARED]
        copy = unfolded_copy if stage.keeps_normalizations else folded_copy
        model = self._trained(stage, to_tf_keras(self._start(stage), images, copy), seen)
        student = None if stage.integer else from_tf_keras(model, self.student, copy)
        if stage.keeps_normalizations:
            model = to_tf_keras(student, images)
        with files.atomic_write(place) as partial:
            partial.mkdir()
            path = partial / _file(stage)
            convert.save(model, path, self.outputs, integer=stage.integer)
            convert.check(model, path, images, self.outputs, integer=stage.integer)
            if student is not None:
                student.save(partial / "student.keras")
            kernels = weight_statistics.of_file(path)
            _check_kept(stage, kernels, self.config)
            facts = {
                "stage": stage.name,
                "rounds": self.config.compression_rounds,
                "seconds": time.perf_counter() - began,
            } | weight_statistics.facts(kernels)
            content = {"asked": asked, "facts": facts}
            files.write_json(partial / FACTS, content)
        return content

    def _start(self, stage):
        """The student that a stage starts from."""
        if stage.start:
            return models.load_classifier(self.folder / stage.start.name / "student.keras")
        return self.student

    def _trained(self, stage, twin, images):
        """The model of which the file is made; the images show how large activations are."""
        tf_keras_module().utils.set_random_seed(self.distiller.seed)  # of where clusters start
        after_update = unwrap = None
        if stage.integer:
            model = quantization.quantization_aware(twin, images)
            after_update = wrapping.zeros_kept(model) if stage.start else None
        elif stage.clusters:
            model = clustering.cluster(twin, stage.clusters, keep_zeros=bool(stage.start))
            unwrap = clustering.unwrap
        else:
            updates = training.updates(self.config.compression_rounds, self.first_batch)
            model = pruning.prune(twin, stage.sparsity, self.config, updates)
            unwrap = pruning.unwrap
        training.tune(
            model,
            self.distiller,
            self.batches,
            rounds=self.config.compression_rounds,
            learning_rate=stage.learning_rate(self.config),
            after_update=after_update,
            name=stage.name,
        )
        return unwrap(model) if unwrap else model


def _file(stage):
    return f"student_{stage.name}.tflite"


def _check_kept(stage, kernels, config):
    """Raises `RunError` unless the file has the zeros and the values that it is there for."""
    found = weight_statistics.facts(kernels)
    sparsity = (stage.start or stage).sparsity
    if sparsity and found["sparsity"] < sparsity - _SLACK:
        raise _lost(stage, f"a sparsity of {sparsity:g}", f"{found['sparsity']:.3f}")
    grouped = [kernel for kernel in kernels if kernel.shape[-1] % weight_statistics.GROUP == 0]
    if sparsity and config.sparsity_pattern == "2_of_4":
        if not all(weight_statistics.in_groups(kernel) for kernel in grouped):
            raise _lost(stage, "2 zeros in each 4 input channels", "fewer")
    most = max(layer["values"] for layer in found["layers"])
    if stage.clusters and most > stage.clusters:
        raise _lost(stage, f"{stage.clusters} values a layer", most)


def _lost(stage, expected, received):
    return RunError(
        f"The file of {stage.name} is not what was asked for. Expected {expected}. Received: "
        f"{received}. More --compression_rounds may help"
    )
