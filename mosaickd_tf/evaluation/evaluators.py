"""How good the networks of a run are: on the way, and at the end on the test part."""

import functools

from mosaickd_tf import evaluation, models


class TestEvaluator:
    """Looks at networks on the test part of the target data; each is run on it once.

    Args:
        target: `TargetData`, or None.
    """

    def __init__(self, target):
        self._test = target.test if target else None
        self._label_names = target.label_names if target else ()
        self._logits = functools.cache(self._predicted)

    def facts(self, model):
        """What result.json says of a network.

        Args:
            model: Keras classifier of unit images.

        Returns:
            Dict of `name`, `parameters`, `macs`, `accuracy` and `top5_accuracy`, the last two
            in [0, 1], None without a test part.
        """
        accuracy = top5 = None
        if self._test:
            logits = self._logits(model)
            accuracy = evaluation.top_k_accuracy(logits, self._test.labels)
            top5 = evaluation.top_k_accuracy(logits, self._test.labels, k=5)
        return {
            "name": model.name,
            "parameters": models.parameters(model),
            "macs": models.macs(model),
            "accuracy": accuracy,
            "top5_accuracy": top5,
        }

    def agreement(self, student, teacher):
        """Share of the test images of which both name the same class; None without any."""
        if not self._test:
            return None
        return evaluation.agreement(self._logits(student), self._logits(teacher))

    def predictions(self, teacher, student):
        """What both name on the test part, from which the report counts confusions.

        Returns:
            Dict of `label_names`, and a list of integers, one a test image, for `labels`,
            `teacher` and `student`.
        """
        named = {"teacher": teacher, "student": student}
        return {
            "label_names": list(self._label_names),
            "labels": self._test.labels.tolist(),
        } | {role: self._logits(model).argmax(axis=-1).tolist() for role, model in named.items()}

    def _predicted(self, model):
        return evaluation.predict_logits(model, self._test.images)


def make_validation_fn(student, teacher, watched):
    """What is looked at on the way.

    Args:
        student: Keras classifier of unit images, as it is when it is looked at.
        teacher: the same, frozen.
        watched: an `ImageSet`, the validation part or images without labels, or a function that
            gives one at each evaluation.

    Returns:
        Function from the number of rounds played to a dict: accuracy and agreement on the
        validation part, or agreement on what is at hand, and the student's prediction_diversity.
    """
    known = None if callable(watched) else evaluation.predict_logits(teacher, watched.images)

    def evaluate(step):
        images = watched() if callable(watched) else watched
        logits = evaluation.predict_logits(student, images.images)
        teacher_logits = (
            evaluation.predict_logits(teacher, images.images) if known is None else known
        )
        agreement = evaluation.agreement(logits, teacher_logits)
        diversity = evaluation.prediction_diversity(logits, teacher_logits)
        values = {"prediction_diversity": diversity}
        if images.labels is None:
            return {"unlabeled_agreement": agreement} | values
        accuracy = evaluation.top_k_accuracy(logits, images.labels)
        return {
            "validation_accuracy": accuracy,
            "validation_agreement": agreement,
        } | values

    return evaluate
