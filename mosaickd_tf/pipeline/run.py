"""A whole run, from a config to a folder: data, teacher, training, baselines, exports."""

import functools
import json
import logging

import tensorflow as tf

from mosaickd_tf import compression, evaluation, export, models
from mosaickd_tf.config import TeacherTrainingConfig, options
from mosaickd_tf.config.method import OOD_IMAGES
from mosaickd_tf.data import image_checks, loading, ood_subset
from mosaickd_tf.data.grids import save_grid
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.teacher_predictions import teacher_predictions
from mosaickd_tf.data.view_logits import VIEWS, stored_views
from mosaickd_tf.evaluation.evaluators import TestEvaluator, make_validation_fn
from mosaickd_tf.evaluation.observer import GRID, Observer
from mosaickd_tf.methods import METHODS
from mosaickd_tf.pipeline.build import build_distiller
from mosaickd_tf.pipeline.validate import validate_and_load
from mosaickd_tf.report import page
from mosaickd_tf.tasks import get_task
from mosaickd_tf.teachers import training as teacher_training
from mosaickd_tf.training import train
from mosaickd_tf.utils import files, machine
from mosaickd_tf.utils.images import to_uint8
from mosaickd_tf.workdir.run_folder import RunFolder, as_command, as_started

logger = logging.getLogger(__name__)

MAX_COMPARED = 1000  # OOD images on which student and teacher are compared during training


def run(config, workdir, resume=True):
    """Distills a student and leaves everything in the work folder; resumes where it stopped.

    Args:
        config: a `DistillConfig`.
        workdir: the folder of the run.
        resume: whether a run of the same options in it may be resumed.

    Returns:
        The content of result.json.

    Raises:
        RequestError: when the request is wrong.
        RunError: when the run could not continue.
        Interrupted: by a signal, after a checkpoint.
    """
    if config.run.deterministic:
        tf.config.experimental.enable_op_determinism()
    prepared = validate_and_load(as_started(config, workdir))
    with RunFolder(workdir, prepared.config, resume) as folder:
        result = files.read_json_if_valid(folder / "result.json")
        if result:
            logger.info("this run is finished: %s", folder / "result.json")
        else:
            result = Run(prepared, folder).execute()
        if not (folder / page.NAME).is_file():  # last, so that no fault in it can cost the result
            page.write(folder.path)
    return result


class Run:
    """A prepared run in its folder; each stage finds what an earlier process finished.

    Args:
        prepared: a `Prepared`.
        folder: its `RunFolder`.
    """

    def __init__(self, prepared, folder):
        self.prepared = prepared
        self.folder = folder
        self.config = prepared.config
        self.task = get_task(self.config.data.task)
        self.policy = machine.resolve_precision(self.config.run.precision)
        self.ood = prepared.ood  # or the subset of it
        target = prepared.target
        self.validation = target.validation if target else None
        self.test = target.test if target else None
        named = bool(self.config.data.labels)
        self.evaluator = TestEvaluator(target, self.task, named)

    def execute(self):
        """Runs all stages; returns the content of result.json."""
        loading.write_broken_files(
            self.folder / loading.BROKEN_NAME, self.prepared.target, self.prepared.ood
        )
        versions = machine.versions(self.policy)
        files.write_json(self.folder / "versions.json", versions)
        teacher, subset = self._teacher_and_subset()
        self.evaluator.warn_of(teacher)
        if self.ood:
            image_checks.warn_of_few(self.ood, self.config.optimization.batch_size)
            save_grid(self.folder / "samples" / "ood.png", self.ood.sample(GRID).images)
        distiller, progress = self._train(self.prepared.method, teacher, self.folder.path)
        student = models.portable_copy(distiller.student)
        baselines = [self._baseline(method, teacher) for method in self.prepared.baselines]
        exports = self._export(student, teacher, distiller)
        if self.test:
            predictions = self.evaluator.predictions(teacher, student)
            text = json.dumps(predictions) + "\n"
            files.write_text(self.folder / "test_predictions.json", text)
        given = dict(options(self.config))
        result = {
            "method": self.config.method.method,
            "task": self.task.name,
            "config": given,
            "command": as_command(given),
            "inputs": self.folder.hashes,
            "commit": versions["git_commit"],
            "machine": versions["machine"],
            "seed": self.config.run.seed,
            "precision": self.policy,
            "rounds": progress.step,
            "seconds": progress.seconds,
            "images_per_second": progress.images_per_second(self.config.optimization.batch_size),
            "teacher": self.evaluator.facts(teacher),
            "student": self.evaluator.facts(student),
            "baselines": baselines,
            "agreement": self.evaluator.agreement(student, teacher),
            "selection": self._selection(progress),
            "divergence": progress.events,
            "skipped_updates": distiller.skipped_updates,
            "ood_subset": subset,
            "exports": exports,
        }
        files.write_json(self.folder / "result.json", result)
        files.remove(self.folder / VIEWS)
        return result

    def compress(self, exports, config, outputs):
        """Returns the compressed students of a finished run; see `compression.compress`."""
        teacher, _ = self._teacher_and_subset()
        distiller, _ = self._train(self.prepared.method, teacher, self.folder.path)
        student = models.portable_copy(distiller.student)
        return self._compress(student, teacher, distiller, exports, config, outputs)

    def _teacher_and_subset(self):
        teacher = self.prepared.teacher
        if not self.prepared.teacher_is_trained:
            config = self.config
            config = TeacherTrainingConfig(data=config.data, teacher=config.teacher, run=config.run)
            folder = self.folder / "teacher"
            teacher = teacher_training.train_teacher(config, self.prepared.target, folder, teacher)
        return teacher, self._select_ood_subset(teacher)

    def _select_ood_subset(self, teacher):
        """Keeps the OOD images that the config selects; logs and returns what was selected."""
        data = self.config.data
        if not (data.ood_subset and self.ood):
            return None
        predictions = teacher_predictions(
            teacher, self.ood.images, evaluation.predict_logits, self.task, data.cache_dir
        )
        selected = ood_subset.select_ood_subset(predictions.entropy, data.ood_subset)
        self.ood = self.ood.take(selected)
        facts = ood_subset.describe(predictions, selected, teacher.output_shape[-1], self.task)
        files.write_json(self.folder / ood_subset.FILE_NAME, facts | {"rows": selected.tolist()})
        logger.info(
            "OOD subset: %s of %s images, those of which the teacher is least sure; median "
            "entropy %.2f nats, of all %.2f",
            f"{facts['count']:,}",
            f"{facts['of']:,}",
            facts["entropy"]["chosen"]["median"],
            facts["entropy"]["all"]["median"],
        )
        return facts

    def _train(self, method, teacher, folder):
        """Trains a prepared method; returns the distiller in its selected state, and progress."""
        images = self._transfer_images(method.name, teacher)
        distiller = build_distiller(method.networks, teacher, self.policy, num_images=len(images))
        view_logits = functools.partial(self._view_logits, distiller, teacher, images)
        progress = train(
            distiller,
            method.batches(distiller, images, view_logits),
            method.plan,
            folder,
            make_validation_fn(
                distiller.student, teacher, self._validation_images(distiller), self.task
            ),
            self._observer(distiller, teacher, folder),
            name=method.name,
        )
        return distiller, progress

    def _view_logits(self, distiller, teacher, images):
        """Returns the teacher's logits of the views of a method's stream, or None."""
        data = self.config.data
        if not (data.views and self.ood and distiller.takes_known_logits):
            return None
        return stored_views(
            teacher,
            images,
            evaluation.predict_logits,
            views=data.views,
            seed=self.config.run.seed,
            folder=self.folder / VIEWS,
            megabytes=data.store_megabytes,
        )

    def _transfer_images(self, method, teacher):
        """Returns the images of a method's stream; black ones for a method that needs none."""
        kind = METHODS[method]
        if OOD_IMAGES not in kind.method.needs:
            return self.prepared.method.black_images(teacher)
        if not hasattr(kind, "select_transfer_indices"):
            return self.ood.images
        logits = evaluation.predict_logits(teacher, self.ood.images)
        return self.ood.images[kind.select_transfer_indices(self.task.predictions(logits))]

    def _validation_images(self, distiller):
        """Returns what `make_validation_fn` takes: without a validation split unlabeled images.

        OOD images, or where there are none what is synthesized by then.
        """
        if self.validation or self.ood:
            return self.validation or self.ood.sample(MAX_COMPARED)
        return lambda: ImageSet(images=to_uint8(distiller.samples(GRID)))

    def _observer(self, distiller, teacher, folder):
        return Observer(
            distiller,
            teacher,
            self.ood.images if self.ood else None,
            folder,
            patch_size=self.config.networks.patch_size,
            seed=self.config.run.seed,
            keep_images=not self.config.run.no_samples,
        )

    def _baseline(self, method, teacher):
        folder = self.folder / "baselines" / method.name
        result = files.read_json_if_valid(folder / "result.json")
        if result is None:
            distiller, progress = self._train(method, teacher, folder)
            student = models.portable_copy(distiller.student)
            result = {"method": method.name} | self.evaluator.facts(student)
            result |= {
                "agreement": self.evaluator.agreement(student, teacher),
                "selection": self._selection(progress),
                "divergence": progress.events,
                "skipped_updates": distiller.skipped_updates,
                "seconds": progress.seconds,
            }
            files.write_json(folder / "result.json", result)
        return result

    def _compress(self, student, teacher, distiller, exports, config, outputs):
        if not compression.compression_jobs(exports, config):
            return []
        images = self._transfer_images(self.prepared.method.name, teacher)
        return compression.compress(
            student,
            distiller,
            self.prepared.method.batches(distiller, images),
            self.folder / "compression",
            exports,
            config,
            outputs,
            self.config.run.checkpoint_minutes,
        )

    def _export(self, student, teacher, distiller):
        if "generator" in distiller.networks:
            export.save_generator(distiller.generator, self.folder.path)
        synthesizes = distiller.method.synthetic_images is not None
        target = self.prepared.target
        images = export.ExportImages(
            test=self.test,
            ood=self.ood,
            synthesize=(lambda n: to_uint8(distiller.samples(n))) if synthesizes else None,
            label_names=loading.label_names(self.config.data, target),
        )
        asked = self.config.export
        compressed = self._compress(
            student, teacher, distiller, asked.exports, self.config.compression, asked.outputs
        )
        entries = export.export_with_images(
            student, self.folder / "export", asked, images, compressed, self.task
        )
        return [entry | {"path": f"export/{entry['path']}"} for entry in entries]

    def _selection(self, progress):
        if not self.validation:
            return f"last: round {progress.step}"
        return (
            f"validation: round {progress.best_step}, accuracy {progress.best_value:.4f} on "
            f"{len(self.validation)} images of the training split"
        )
