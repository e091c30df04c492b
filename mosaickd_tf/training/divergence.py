"""Signs that a training has gone wrong, by the numbers of an evaluation."""

import dataclasses
import math

COLLAPSED = 0.05  # of the teacher's variety of classes, after it had been
LEARNED = 0.5  # of it; a student that has hardly learned yet names few classes by chance
FELL = 0.5  # of its best agreement with the teacher; one class may be most of what that names
_AGREEMENTS = ("validation_agreement", "unlabeled_agreement")
WON = 0.98  # of ln 2; the report warns long before
MOST_ROLLBACKS = 3
SLOWER = 0.5  # times all learning rates, at each of them


@dataclasses.dataclass(frozen=True, kw_only=True)
class DivergenceEvent:
    """What went wrong.

    Attributes:
        round: rounds played when it was noticed.
        term: the name of the number that shows it.
        words: what it means, with the number and its limit.
    """

    round: int
    term: str
    words: str

    def __str__(self):
        return f"Round {self.round}: {self.words}"

    def event(self, done):
        """A JSON-able dict of it and of what was done."""
        return dataclasses.asdict(self) | {"done": done}


class Diverged(Exception):
    """A training went wrong; the argument is the `DivergenceEvent`."""


def not_finite(step, numbers):
    """The `DivergenceEvent` of the first number that is not finite, else None.

    Args:
        step: rounds played.
        numbers: floats by name.
    """
    for name, value in numbers.items():
        if not math.isfinite(value):
            return DivergenceEvent(round=step, term=name, words=f"the {name} became {value}")
    return None


def detect_divergence(row, rows):
    """The `DivergenceEvent` of a row whose numbers are finite, else None.

    Args:
        row: numbers by name, of one evaluation.
        rows: those of the evaluations before it.
    """
    return _collapse(row, rows) or _discriminator_saturated(row)


def _collapse(row, rows):
    """A student that names one class for all images, and did not before."""
    variety = row.get("prediction_diversity")
    if variety is None or variety >= COLLAPSED or _best("prediction_diversity", rows) < LEARNED:
        return None
    for name in _AGREEMENTS:
        if name in row and row[name] > FELL * _best(name, rows):
            return None
    return DivergenceEvent(
        round=row["round"],
        term="prediction_diversity",
        words=(
            f"the student fell into one class: outside of its most frequent one it puts "
            f"{variety:.3f} of what the teacher does, below {COLLAPSED:g}"
        ),
    )


def _best(name, rows):
    """The highest of a number since the first round; what an untrained student has is chance."""
    numbers = [row[name] for row in rows if row["round"] and row.get(name) is not None]
    return max(numbers, default=0.0)


def _discriminator_saturated(row):
    """A discriminator that is always right."""
    divergence, limit = row.get("patch_divergence"), WON * math.log(2)
    if divergence is None or divergence <= limit:
        return None
    return DivergenceEvent(
        round=row["round"],
        term="patch_discrimination_loss",
        words=(
            f"the discriminator wins outright: its patch_discrimination_loss is "
            f"{math.log(2) - divergence:.4f} nats a patch, below {math.log(2) - limit:.4f}"
        ),
    )
