"""A whole distillation, from a config to a folder: data, teacher, game, baselines, exports."""

import json
import logging

import numpy as np
import tensorflow as tf

from mosaickd_tf import compression, evaluation, export, models
from mosaickd_tf.config import TeacherTrainingConfig, as_baseline, options
from mosaickd_tf.data import loading, ood_subset, streams
from mosaickd_tf.data.grids import save_grid
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.teacher_predictions import teacher_predictions
from mosaickd_tf.evaluation.evaluators import TestEvaluator, make_validation_fn
from mosaickd_tf.evaluation.observer import GRID, Observer
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.base import OOD_IMAGES
from mosaickd_tf.pipeline import build, validate
from mosaickd_tf.report import page
from mosaickd_tf.training import plan_for, train
from mosaickd_tf.utils import files, machine
from mosaickd_tf.workdir.run_folder import RunFolder, as_command

logger = logging.getLogger(__name__)

MAX_COMPARED = 1000  # OOD images on which student and teacher are compared on the way


def run(config, workdir, resume=True):
    """Distils a student and leaves everything in the work folder; goes on where it stopped.

    Args:
        config: a `DistillConfig`.
        workdir: the folder of the run.
        resume: whether a run of the same flags in it may go on.

    Returns:
        The content of result.json.

    Raises:
        RequestError: when the request is wrong.
        RunError: when the run could not go on.
        Interrupted: by a signal, after a checkpoint.
    """
    if config.run.deterministic:
        tf.config.experimental.enable_op_determinism()
    prepared = validate.validate_and_load(config)
    with RunFolder(workdir, config, resume) as folder:
        finished = files.read_kept_json(folder / "result.json")
        if finished:
            logger.info("this run is finished: %s", folder / "result.json")
        else:
            loading.write_broken(folder / loading.BROKEN_NAME, *prepared[:2])
            finished = Experiment(config, folder, *prepared).run()
        if not (folder / page.NAME).is_file():  # last, so that no fault in it can cost the result
            page.write(folder.path)
    return finished


class Experiment:
    """One run in its folder; each stage finds what an earlier process finished."""

    def __init__(self, config, folder, target, ood, teacher):
        self.config = config
        self.folder = folder
        self.target = target
        self.ood = ood
        self.teacher = teacher
        self.policy = machine.resolve_precision(config.run.precision)
        self.validation = target.validation if target else None
        self.test = target.test if target else None
        self.judge = TestEvaluator(target)

    def run(self):
        """Plays all stages; returns the content of result.json."""
        versions = machine.versions(self.policy)
        files.write_json(self.folder / "versions.json", versions)
        teacher, ood_subset = self._teacher_and_subset()
        if self.ood:
            save_grid(self.folder / "samples" / "ood.png", self.ood.sample(GRID).images)
        distiller, progress = self._learn(self.config, teacher, self.folder.path)
        student = models.portable_copy(distiller.student)
        baselines = [self._baseline(teacher, name) for name in self.config.method.compare_with]
        exports = self._export(student, teacher, distiller)
        if self.test:
            named = json.dumps(self.judge.predictions(teacher, student)) + "\n"
            files.write_text(self.folder / "test_predictions.json", named)
        asked = dict(options(self.config))
        result = {
            "method": self.config.method.method,
            "config": asked,
            "command": as_command(asked),
            "commit": versions["git_commit"],
            "machine": versions["machine"],
            "seed": self.config.run.seed,
            "precision": self.policy,
            "rounds": progress.step,
            "seconds": progress.seconds,
            "images_per_second": progress.images_per_second(self.config.optimization.batch_size),
            "teacher": self.judge.facts(teacher),
            "student": self.judge.facts(student),
            "baselines": baselines,
            "agreement": self.judge.agreement(student, teacher),
            "selection": self._selection(progress),
            "divergence": progress.events,
            "skipped_updates": distiller.skipped_updates,
            "ood_subset": ood_subset,
            "exports": exports,
        }
        files.write_json(self.folder / "result.json", result)
        return result

    def compress(self, exports, config, outputs):
        """The compressed students of a run that is finished; see `compression.compress`."""
        teacher, _ = self._teacher_and_subset()
        distiller, _ = self._learn(self.config, teacher, self.folder.path)
        student = models.portable_copy(distiller.student)
        return self._compress(student, teacher, distiller, exports, config, outputs)

    def _teacher_and_subset(self):
        teacher = self.teacher or self._train_teacher()
        return teacher, self._select_ood_subset(teacher)

    def _train_teacher(self):
        config = self.config
        training = TeacherTrainingConfig(data=config.data, teacher=config.teacher, run=config.run)
        return training.train_teacher(training, self.target, self.folder / "teacher")

    def _select_ood_subset(self, teacher):
        """Keeps the OOD images that the config asks for; says and returns what was chosen."""
        data = self.config.data
        if not (data.ood_subset and self.ood):
            return None
        opinions = teacher_predictions(
            teacher, self.ood.images, evaluation.predict_logits, data.cache_dir
        )
        chosen = ood_subset.select_ood_subset(opinions.entropy, data.ood_subset)
        self.ood = self.ood.take(chosen)
        facts = ood_subset.describe(opinions, chosen, teacher.output_shape[-1])
        files.write_json(self.folder / ood_subset.FILE_NAME, facts | {"rows": chosen.tolist()})
        logger.info(
            "OOD subset: %s of %s images, those of which the teacher is least sure; median "
            "entropy %.2f nats, of all %.2f",
            f"{facts['count']:,}",
            f"{facts['of']:,}",
            facts["entropy"]["chosen"]["median"],
            facts["entropy"]["all"]["median"],
        )
        return facts

    def _learn(self, config, teacher, folder):
        """Plays a config's method; returns the distiller in its chosen state, and the progress."""
        method = config.method.method
        kind = METHODS[method]
        images = self._transfer_images(kind, teacher)
        distiller = build.build_distiller(config, teacher, self.policy, num_images=len(images))
        progress = train(
            distiller,
            _batches(config, distiller, images),
            plan_for(config, select_by="validation_accuracy" if self.validation else None),
            folder,
            make_validation_fn(distiller.student, teacher, self._watched(distiller)),
            self._observer(distiller, teacher, folder),
            name=method,
        )
        return distiller, progress

    def _transfer_images(self, kind, teacher):
        """The images of a method's stream; black ones for a method that does without."""
        if OOD_IMAGES not in kind.needs:
            shape = (self.config.optimization.batch_size, *teacher.input_shape[1:])
            return np.zeros(shape, np.uint8)
        rows = kind.select_transfer_indices(
            lambda: evaluation.predict_logits(teacher, self.ood.images)
        )
        return self.ood.images if rows is None else self.ood.images[rows]

    def _watched(self, distiller):
        """What `make_validation_fn` looks at: without a validation part images without labels.

        OOD ones, or where there are none what is synthesized by then.
        """
        if self.validation or self.ood:
            return self.validation or self.ood.sample(MAX_COMPARED)
        return lambda: ImageSet(images=models.as_bytes(distiller.samples(GRID)))

    def _observer(self, distiller, teacher, folder):
        return Observer(
            distiller,
            teacher,
            self.ood.images if self.ood else None,
            folder,
            patch_size=self.config.players.patch_size,
            seed=self.config.run.seed,
            keep_images=not self.config.run.no_samples,
        )

    def _baseline(self, teacher, method):
        folder = self.folder / "baselines" / method
        done = files.read_kept_json(folder / "result.json")
        if done is None:
            distiller, progress = self._learn(as_baseline(self.config, method), teacher, folder)
            student = models.portable_copy(distiller.student)
            done = {"method": method} | self.judge.facts(student)
            done |= {
                "agreement": self.judge.agreement(student, teacher),
                "selection": self._selection(progress),
                "divergence": progress.events,
                "skipped_updates": distiller.skipped_updates,
                "seconds": progress.seconds,
            }
            files.write_json(folder / "result.json", done)
        return done

    def _compress(self, student, teacher, distiller, exports, config, outputs):
        if not compression.stages(exports, config):
            return []
        kind = METHODS[self.config.method.method]
        return compression.compress(
            student,
            distiller,
            _batches(self.config, distiller, self._transfer_images(kind, teacher)),
            self.folder / "compression",
            exports,
            config,
            outputs,
        )

    def _export(self, student, teacher, distiller):
        if "generator" in distiller.players:
            export.save_generator(distiller.generator, self.folder.path)
        makes_images = distiller.makes_images()
        supplies = export.ExportImages(
            test=self.test,
            ood=self.ood,
            synthesize=(lambda n: models.as_bytes(distiller.samples(n))) if makes_images else None,
            label_names=self.target.label_names if self.target else (),
        )
        asked = self.config.export
        compressed = self._compress(
            student, teacher, distiller, asked.exports, self.config.compression, asked.outputs
        )
        entries = export.export_with_images(
            student, self.folder / "export", asked, supplies, compressed
        )
        return [entry | {"path": f"export/{entry['path']}"} for entry in entries]

    def _selection(self, progress):
        if not self.validation:
            return f"last: round {progress.step}"
        return (
            f"validation: round {progress.best_step}, accuracy {progress.best_value:.4f} on "
            f"{len(self.validation)} images kept from the training part"
        )


def _batches(config, distiller, images):
    """From the number of a round to the stream of the run's batches from it on."""
    return lambda start_round: streams.rounds(
        images,
        batch_size=distiller.transfer_factor * config.optimization.batch_size,
        student_steps=config.optimization.student_steps_per_round,
        seed=config.run.seed,
        start_round=start_round,
    )
