"""Signs that a model is used wrongly: accuracy at chance level, other order of its labels."""

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment

from mosaickd_tf.tasks.metrics import confusion_matrix

MIN_IMAGES = 30  # with fewer, accuracy says too little
_SIGMAS = 3.0  # above chance by that many standard deviations is no chance
_MIN_GAIN = 0.1  # of accuracy, by another order of the labels
_MIN_GAIN_NAMED = 0.25  # where the user named them in order: a weak model is likelier
_ONE_CLASS = 0.95  # share of the images that are predicted as one class
_SHOWN = 20  # names that a line shows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plausibility:
    """Facts about the predictions of a model on labeled images.

    Attributes:
        images: number of images.
        accuracy: in [0, 1].
        chance: accuracy of the same predictions in random order, in [0, 1].
        at_chance: whether the accuracy is not significantly above it.
        order: for each output the class, a number, whose images it stands for, where another
            order than 0, 1, ... fits far better; empty where none does.
        order_accuracy: accuracy with that order, in [0, 1]; None without one.
        one_class: class that is predicted for nearly all images though it is not that of nearly
            all; None without one.
        one_class_share: share of the most frequent prediction, in [0, 1].
    """

    images: int
    accuracy: float
    chance: float
    at_chance: bool
    order: tuple = ()
    order_accuracy: float | None = None
    one_class: int | None = None
    one_class_share: float = 0.0


def examine(predicted, labels, num_classes, named=False):
    """Examines the predicted classes of labeled images.

    Args:
        predicted: integers `(n,)`.
        labels: integers `(n,)`, the true classes.
        num_classes: above all of them.
        named: whether the order of the outputs was given; another one then has to fit better still.

    Returns:
        A `Plausibility`; None for too few images to tell.
    """
    predicted, labels = np.asarray(predicted), np.asarray(labels)
    count = len(labels)
    if count < MIN_IMAGES or num_classes < 2:
        return None
    true_shares = np.bincount(labels, minlength=num_classes) / count
    shares = np.bincount(predicted, minlength=num_classes) / count
    accuracy, chance = float(np.mean(predicted == labels)), float(true_shares @ shares)
    deviation = np.sqrt(max(chance * (1 - chance), 1 / count) / count)
    top = int(shares.argmax())
    is_one = shares[top] >= _ONE_CLASS and true_shares[top] < shares[top] - 0.05
    min_gain = _MIN_GAIN_NAMED if named else _MIN_GAIN
    order, order_accuracy = _better_order(predicted, labels, num_classes, accuracy, min_gain)
    return Plausibility(
        images=count,
        accuracy=accuracy,
        chance=chance,
        at_chance=bool(accuracy <= chance + _SIGMAS * deviation) and true_shares.max() < 1,
        order=order,
        order_accuracy=order_accuracy,
        one_class=top if is_one else None,
        one_class_share=float(shares[top]),
    )


def warning(found, label_names, role, flags):
    """Returns one line about what is implausible; "" where nothing is.

    Args:
        found: a `Plausibility` or None.
        label_names: a name for each class.
        role: of the model, such as "teacher".
        flags: names of the options that set the pixels that it expects.
    """
    if found is None or not (found.at_chance or found.order or found.one_class is not None):
        return ""
    parts = []
    if found.at_chance:
        parts.append(
            f"near chance level: {found.accuracy:.1%} of {found.images:,} images are right, by "
            f"chance {found.chance:.1%}"
        )
    if found.one_class is not None:
        name = label_names[found.one_class]
        parts.append(f"{found.one_class_share:.0%} of the images are predicted as {name!r}")
    if found.order:
        parts.append(
            f"its labels seem to be in another order: accuracy is {found.accuracy:.1%}, and would "
            f"be {found.order_accuracy:.1%} with outputs in the order "
            f"{_in_order(found, label_names)}; name them in a file by `labels`"
        )
    else:
        parts.append(f"the order of its labels (`labels`) or its pixels ({flags}) may be wrong")
    return f"the {role} does not fit the data: {'; '.join(parts)}"


def _in_order(found, label_names):
    names = [str(label_names[number]) for number in found.order]
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)})" if len(names) > _SHOWN else "")


def _better_order(predicted, labels, num_classes, accuracy, min_gain):
    """Returns the order of classes that fits the predictions best, and its accuracy.

    It is found on one half of the images and has to hold on the other, both ways, so that what
    fits by chance alone is not taken for an order.
    """
    halves = [slice(start, None, 2) for start in (0, 1)]
    order = np.random.default_rng(0).permutation(len(labels))
    predicted, labels = predicted[order], labels[order]
    held = []
    for fitted, other in (halves, halves[::-1]):
        assigned = _assign(predicted[fitted], labels[fitted], num_classes)
        held.append(np.mean(assigned[predicted[other]] == labels[other]))
    noise = np.sqrt(0.25 / len(labels))
    if np.mean(held) < accuracy + max(min_gain, 4 * noise):
        return (), None
    assigned = _assign(predicted, labels, num_classes)
    return tuple(assigned.tolist()), float(np.mean(assigned[predicted] == labels))


def _assign(predicted, labels, num_classes):
    """Returns the class of each output that makes most predictions right, `(num_classes,)`."""
    counts = confusion_matrix(labels, predicted, num_classes)
    # Of equal assignments the one that keeps more outputs where they are.
    rows, columns = linear_sum_assignment(counts + 1e-3 * np.eye(num_classes), maximize=True)
    assigned = np.empty(num_classes, int)
    assigned[columns] = rows
    return assigned
