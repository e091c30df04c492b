"""Signs that a training diverges, read from the metrics of an evaluation."""

import dataclasses
import math

MIN_DIVERSITY = 0.05  # of the student's predictions, as a share of the teacher's
LEARNED_DIVERSITY = 0.5  # reached by a student that has learned; below it, few classes are chance
MAX_AGREEMENT_LEFT = 0.5  # of its best agreement; one class may be most of the teacher's
_AGREEMENTS = ("validation_agreement", "unlabeled_agreement")
MAX_PATCH_DIVERGENCE = 0.98  # of ln 2; the report warns long before


@dataclasses.dataclass(frozen=True, kw_only=True)
class DivergenceEvent:
    """One sign of divergence.

    Attributes:
        round: number of rounds trained when it was noticed.
        term: name of the metric that shows it.
        words: description, with the value and its limit.
    """

    round: int
    term: str
    words: str

    def to_json(self, done):
        """Returns a JSON-able dict of the event and what was `done` about it."""
        return dataclasses.asdict(self) | {"done": done}


class Diverged(Exception):
    """A training diverged.

    Attributes:
        event: the `DivergenceEvent`.
    """

    def __init__(self, event):
        super().__init__(event)
        self.event = event


def not_finite(step, values):
    """Returns the `DivergenceEvent` of the first value that is not finite, else None.

    Args:
        step: number of rounds trained.
        values: floats by name.
    """
    for name, value in values.items():
        if not math.isfinite(value):
            return DivergenceEvent(round=step, term=name, words=f"the {name} became {value}")
    return None


def detect_divergence(row, rows):
    """Returns the `DivergenceEvent` of a row whose values are finite, else None.

    Args:
        row: values by name, of one evaluation.
        rows: those of the evaluations before it.
    """
    return _student_collapsed(row, rows) or _discriminator_saturated(row)


def _student_collapsed(row, rows):
    """Detects a student that predicts one class for all images, and did not before."""
    name = "prediction_diversity"
    diversity = row.get(name)
    if diversity is None or diversity >= MIN_DIVERSITY or _best(name, rows) < LEARNED_DIVERSITY:
        return None
    for agreement in _AGREEMENTS:
        if agreement in row and row[agreement] > MAX_AGREEMENT_LEFT * _best(agreement, rows):
            return None
    return DivergenceEvent(
        round=row["round"],
        term=name,
        words=(
            f"the student collapsed to one class: its {name}, the share of predictions outside of "
            f"its most frequent class relative to the teacher's, is {diversity:.3f}, below "
            f"{MIN_DIVERSITY:g}"
        ),
    )


def _best(name, rows):
    """Returns the highest value since the first round; an untrained student's is chance."""
    values = [row[name] for row in rows if row["round"] and row.get(name) is not None]
    return max(values, default=0.0)


def _discriminator_saturated(row):
    """Detects a discriminator that is almost always right.

    A generator that follows the teacher's statistics too goes on without it.
    """
    divergence, limit = row.get("patch_divergence"), MAX_PATCH_DIVERGENCE * math.log(2)
    if divergence is None or divergence <= limit or "statistics_loss" in row:
        return None
    return DivergenceEvent(
        round=row["round"],
        term="patch_discrimination_loss",
        words=(
            f"the discriminator saturated: its patch_discrimination_loss is "
            f"{math.log(2) - divergence:.4f} nats a patch, below {math.log(2) - limit:.4f}"
        ),
    )
