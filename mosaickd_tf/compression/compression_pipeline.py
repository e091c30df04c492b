"""Compressed students, one after the other, each in a folder of its own."""

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
from mosaickd_tf.compression.jobs import compression_jobs
from mosaickd_tf.compression.tf_keras_copy import from_tf_keras, to_tf_keras
from mosaickd_tf.compression.toolkit import tf_keras_module
from mosaickd_tf.errors import RunError
from mosaickd_tf.models.graph.folding import fold, folded_copy, unfolded_copy
from mosaickd_tf.models.graph.reading import read_nodes
from mosaickd_tf.training.plan import Plan, evaluation_interval
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

FACTS = "facts.json"
_REQUEST = "request.json"  # in the folder of a training, what it is for
_MAX_COMPARED = 32  # images on which a tf_keras copy is compared with the student and the file
_DECIDING = (  # options that change the result of a job, besides those of the job itself
    "compression_rounds",
    "sparsity_pattern",
    "pruning_schedule",
)
_SLACK = 0.01  # of the requested sparsity: shares of small layers are rounded


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compressed:
    """A finished compressed student.

    Attributes:
        format: of `config.EXPORTS`.
        path: its .tflite file.
        facts: `stage`, `rounds`, `seconds`, and properties of the file's weights; see
            `weight_statistics.facts`.
    """

    format: str
    path: pathlib.Path
    facts: dict


def check_compressible(student, exports, config):
    """Raises `RequestError` when this student cannot be compressed as requested."""
    if compression_jobs(exports, config):
        fold(read_nodes(models.portable_copy(student)))


def compress(
    student,
    distiller,
    batches,
    folder,
    exports,
    config,
    outputs="probabilities",
    checkpoint_minutes=10.0,
):
    """Makes all requested compressed students; those that are finished are read from disk.

    Args:
        student: Keras 3 model from unit images to logits, the run's.
        distiller: the run's `Distiller`.
        batches: function of a round's number that returns the run's batches from that round on.
        folder: of all compressed students, each in a folder named after its job.
        exports: names of formats; those of other kinds are ignored.
        config: a `CompressionConfig`.
        outputs: "probabilities" or "logits", the outputs of the files.
        checkpoint_minutes: see `Plan`.

    Returns:
        A list of `Compressed`.

    Raises:
        RequestError: for a student or a combination that cannot be compressed.
        RunError: when training diverges or a file lacks a property that it was made for.
        Interrupted: by a signal, after a checkpoint.
    """
    jobs = compression_jobs(exports, config)
    if not jobs:
        return []
    folder = pathlib.Path(folder)
    pipeline = CompressionPipeline(
        student, distiller, batches, folder, config, outputs, checkpoint_minutes
    )
    return [pipeline.get_or_make(job) for job in jobs]


class CompressionPipeline:
    """Makes compressed students of one student; see `compress`.

    The training of a job keeps its checkpoints in a hidden folder beside that of the job, which is
    removed when the job is finished. A job that was interrupted resumes from there.
    """

    def __init__(self, student, distiller, batches, folder, config, outputs, checkpoint_minutes):
        self.student = student
        self.distiller = distiller
        self.batches = batches
        self.folder = folder
        self.config = config
        self.outputs = outputs
        self.checkpoint_minutes = checkpoint_minutes
        self.first_batch = next(iter(batches(0)))

    def get_or_make(self, job):
        """Returns the `Compressed` of a job, from disk where it is finished."""
        place = self.folder / job.name
        request = self._request(job)
        content = files.read_json(place / FACTS)
        if content is None or content["asked"] != request:
            content = self._make(job, place, request)
        files.remove(self._training_folder(job))
        return Compressed(format=job.format, path=place / _file(job), facts=content["facts"])

    def _request(self, job):
        """Returns everything that determines the result, to recognize a finished job."""
        options = dataclasses.asdict(self.config)
        deciding = {name: options[name] for name in _DECIDING}
        deciding["learning_rate"] = job.learning_rate(self.config)
        return {"stage": dataclasses.asdict(job), "outputs": self.outputs} | deciding

    def _training_folder(self, job):
        return self.folder / f".{job.name}"

    def _make(self, job, place, request):
        """Runs training, conversion and verification; returns the content of its facts.json."""
        logger.info("%s: %d rounds", job.name, self.config.compression_rounds)
        began = time.perf_counter()
        self._discard_other_request(job, request)
        images = training.student_images(self.distiller, self.first_batch)
        compared = images[:_MAX_COMPARED]
        copy = unfolded_copy if job.keeps_batch_normalization else folded_copy
        start = to_tf_keras(self._start(job), compared, copy)
        model, earlier_seconds = self._trained(job, start, images)
        student = None if job.integer else from_tf_keras(model, self.student, copy)
        if job.keeps_batch_normalization:
            model = to_tf_keras(student, compared)
        with files.atomic_write(place) as partial:
            partial.mkdir()
            path = partial / _file(job)
            kind = {"task": self.distiller.task, "integer": job.integer}
            convert.save(model, path, self.outputs, **kind)
            convert.verify_conversion(model, path, compared, self.outputs, **kind)
            if student is not None:
                student.save(partial / "student.keras")
            kernels = weight_statistics.of_file(path)
            _check_properties(job, kernels, self.config)
            facts = {
                "stage": job.name,
                "rounds": self.config.compression_rounds,
                "seconds": earlier_seconds + time.perf_counter() - began,
            } | weight_statistics.facts(kernels)
            content = {"asked": request, "facts": facts}
            files.write_json(partial / FACTS, content)
        return content

    def _discard_other_request(self, job, request):
        """Removes the checkpoints of the same job with other options."""
        folder = self._training_folder(job)
        if files.read_json_if_valid(folder / _REQUEST) != request:
            files.remove(folder)
            files.write_json(folder / _REQUEST, request)

    def _start(self, job):
        """Returns the student that a job starts from."""
        if job.start:
            return models.load_classifier(self.folder / job.start.name / "student.keras")
        return self.student

    def _trained(self, job, start, images):
        """Trains a tf_keras copy of the student in the wrappers of its job.

        Args:
            job: a `CompressionJob`.
            start: the tf_keras model, left as it is.
            images: uint8 `(n, height, width, channels)`, to measure the range of activations.

        Returns:
            The tf_keras model to convert, and the seconds of training in earlier processes.
        """
        tf_keras_module().utils.set_random_seed(self.distiller.seed)  # of the first centroids
        rounds, updates_per_round = self.config.compression_rounds, self._updates_per_round()
        after_update = unwrap = None
        if job.integer:
            model = quantization.quantization_aware(start, images)
            after_update = wrapping.restore_zeros(model) if job.start else None
        elif job.clusters:
            model = clustering.cluster(start, job.clusters, keep_zeros=bool(job.start))
            unwrap = clustering.unwrap
        else:
            updates = rounds * updates_per_round
            model = pruning.prune(start, job.sparsity, self.config, updates)
            unwrap = pruning.unwrap
        trainer = training.CompressedStudentTrainer(
            model,
            self.distiller,
            learning_rate=job.learning_rate(self.config),
            rounds=rounds,
            updates_per_round=updates_per_round,
            after_update=after_update,
        )
        folder = self._training_folder(job)
        seconds = training.fine_tune(trainer, self.batches, self._plan(job), folder, job.name)
        return (unwrap(model) if unwrap else model), seconds

    def _updates_per_round(self):
        return self.first_batch["transfer_images"].shape[1]

    def _plan(self, job):
        rounds = self.config.compression_rounds
        return Plan(
            rounds=rounds,
            evaluate_every=evaluation_interval(rounds),
            checkpoint_every=evaluation_interval(rounds),
            batch_size=len(self.first_batch["transfer_images"]),
            checkpoint_minutes=self.checkpoint_minutes,
            remedy=f"Lower `{job.learning_rate_option}`",
        )


def _file(job):
    return f"student_{job.name}.tflite"


def _check_properties(job, kernels, config):
    """Raises `RunError` unless the file has the zeros and the few values it was made for."""
    found = weight_statistics.facts(kernels)
    sparsity = (job.start or job).sparsity
    if sparsity and found["sparsity"] < sparsity - _SLACK:
        raise _lacks(job, f"a sparsity of {sparsity:g}", f"{found['sparsity']:.3f}")
    grouped = [kernel for kernel in kernels if kernel.shape[-1] % weight_statistics.GROUP == 0]
    if sparsity and config.sparsity_pattern == "2_of_4":
        if not all(weight_statistics.in_groups(kernel) for kernel in grouped):
            raise _lacks(job, "2 zeros in each 4 input channels", "fewer")
    most = max(layer["values"] for layer in found["layers"])
    if job.clusters and most > job.clusters:
        raise _lacks(job, f"{job.clusters} values a layer", most)


def _lacks(job, expected, received):
    return RunError(
        f"The file of {job.name} is not as requested. Expected {expected}. Received: {received}. "
        "More `compression_rounds` may help"
    )
