"""Evaluation of a run's networks: during training, and at the end on the test split."""

import functools
import logging

from mosaickd_tf import evaluation, models
from mosaickd_tf.evaluation import plausibility

logger = logging.getLogger(__name__)


class TestEvaluator:
    """Evaluates networks on the test split of the target data set, each network run once.

    Args:
        target: `TargetData`, or None.
        task: a `Task`.
        labels_are_named: whether the order of the outputs was given by name.
    """

    def __init__(self, target, task, labels_are_named=False):
        self._task = task
        self._labels_are_named = labels_are_named
        self._test = target.test if target else None
        self._label_names = target.label_names if target else ()
        self._logits = functools.cache(self._predict)

    def facts(self, model):
        """Returns the entry of a network in result.json.

        Args:
            model: Keras classifier of unit images.

        Returns:
            Dict of `name`, `parameters`, `macs`, and the metrics of the task, among them
            `accuracy` and `top5_accuracy`, in [0, 1], None without a test split.
        """
        metrics = {"accuracy": None, "top5_accuracy": None}
        if self._test:
            metrics = self._task.metrics(self._logits(model), self._test.labels)
        return {
            "name": model.name,
            "parameters": models.parameters(model),
            "macs": models.macs(model),
            **metrics,
        }

    def warn_of(self, teacher):
        """Logs a warning where a teacher is near chance level, or its labels in another order.

        Args:
            teacher: Keras classifier of unit images.
        """
        if not self._test or self._task.label_rank != 1:
            return
        logits = self._logits(teacher)
        predicted = self._task.predictions(logits)
        found = plausibility.examine(
            predicted, self._test.labels, logits.shape[-1], self._labels_are_named
        )
        if line := plausibility.warning(found, self._label_names, "teacher", "`teacher_input`"):
            logger.warning("%s", line)

    def agreement(self, student, teacher):
        """Computes the agreement of two networks on the test split.

        Args:
            student: Keras classifier of unit images.
            teacher: Keras classifier of unit images.

        Returns:
            A float in [0, 1]; None without a test split.
        """
        if not self._test:
            return None
        return self._task.agreement(self._logits(student), self._logits(teacher))

    def predictions(self, teacher, student):
        """Returns labels and predictions on the test split, for the report's confusion matrices.

        Args:
            teacher: Keras classifier of unit images.
            student: Keras classifier of unit images.

        Returns:
            Dict of `label_names`, and for `labels`, `teacher` and `student` a list with the class,
            or the list of labels, of each test image.
        """
        networks = {"teacher": teacher, "student": student}
        return {
            "label_names": list(self._label_names),
            "labels": self._task.as_lists(self._test.labels),
        } | {
            role: self._task.as_lists(self._task.predictions(self._logits(model)))
            for role, model in networks.items()
        }

    def _predict(self, model):
        return evaluation.predict_logits(model, self._test.images)


def make_validation_fn(student, teacher, watched, task):
    """Builds the function that evaluates the student during training.

    Args:
        student: Keras classifier of unit images, evaluated with its current weights.
        teacher: Keras classifier of unit images, frozen.
        watched: an `ImageSet`, the validation split or images without labels, or a function that
            returns one at each evaluation.
        task: a `Task`.

    Returns:
        Function of the number of finished rounds that returns a dict: `validation_accuracy` and
        `validation_agreement` with labels, `unlabeled_agreement` without, all in [0, 1], and
        the student's `prediction_diversity`.
    """
    fixed_logits = None
    if not callable(watched):
        fixed_logits = evaluation.predict_logits(teacher, watched.images)

    def evaluate(step):
        images = watched() if callable(watched) else watched
        logits = evaluation.predict_logits(student, images.images)
        teacher_logits = (
            evaluation.predict_logits(teacher, images.images)
            if fixed_logits is None
            else fixed_logits
        )
        agreement = task.agreement(logits, teacher_logits)
        diversity = task.prediction_diversity(logits, teacher_logits)
        values = {"prediction_diversity": diversity}
        if images.labels is None:
            return {"unlabeled_agreement": agreement} | values
        metrics = task.metrics(logits, images.labels)
        metrics = {f"validation_{name}": metrics[name] for name in task.validation_metrics}
        return metrics | {"validation_agreement": agreement} | values

    return evaluate
