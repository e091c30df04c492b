"""The rows of `metrics.jsonl` as charts: those of each method in one, whatever it reports."""

from mosaickd_tf.report.charts import Line, line_chart, short
from mosaickd_tf.report.markup import element, table


def _percent(share):
    return f"{100 * share:.3g} %"


# name: title, what to make of it
TITLES = {
    "validation_accuracy": ("Accuracy", "on the validation part"),
    "validation_agreement": ("Agreement with the teacher", "on the validation part"),
    "unlabeled_agreement": (
        "Agreement with the teacher",
        "on images without labels: OOD ones, or where there are none synthetic ones",
    ),
    "prediction_diversity": (
        "Variety of the student's classes",
        "share outside of its most frequent class, over the teacher's; near 0 it names one",
    ),
    "distillation_loss": ("Distillation loss", "of the student, in nats; lower is closer"),
    "adversarial_loss": (
        "Adversarial loss",
        "nats; far below 0 the generator finds what the student lacks",
    ),
    "label_space_alignment_loss": (
        "Label-space alignment",
        "nats; low when the teacher is sure of synthetic images",
    ),
    "class_balance_loss": (
        "Class balance",
        "bits; at its lowest, minus log2 of the classes, all are used evenly",
    ),
    "local_patch_loss": ("Local patch loss", "of the generator, nats an image"),
    "patch_discrimination_loss": ("Patch discrimination loss", "nats an image"),
    "teacher_confidence": (
        "Teacher's confidence",
        "mean highest probability on synthetic images",
    ),
    "patch_divergence": (
        "Divergence of patches",
        "nats, from 0, alike, to ln 2 = 0.693, told apart; a lower bound by the discriminator",
    ),
    "patch_distance": (
        "Distance of patches",
        "sliced Wasserstein, in units of a pixel in [0, 1]",
    ),
    "student_learning_rate": ("Learning rate of the student", ""),
    "generator_learning_rate": ("Learning rate of the generator", ""),
    "images_per_second": ("Images per second", "since the beginning"),
}
_PERCENT = (
    "validation_accuracy",
    "validation_agreement",
    "unlabeled_agreement",
    "teacher_confidence",
)
_LAST = ("student_learning_rate", "generator_learning_rate", "images_per_second")
_TEACHER = "teacher_test_accuracy"
_REFERENCES = {
    _TEACHER: ("validation_accuracy", "teacher, test"),
    "patch_distance_within_ood": ("patch_distance", "OOD to OOD"),
}
_NORM = "gradient_norm_"
_NO_CHART = ("resumed_from", "rollbacks")


def charts(rows, method, teacher_accuracy=None):
    """All charts of a run.

    Args:
        rows: rows of metrics.jsonl by method.
        method: the run's own, whose lines are drawn strongest.
        teacher_accuracy: on the test part, to compare with; may be None.

    Returns:
        A list of `figure` elements.
    """
    if teacher_accuracy is not None:
        marked = [row | {_TEACHER: teacher_accuracy} for row in rows[method]]
        rows = rows | {method: marked}
    hidden = (*_REFERENCES, *_NO_CHART)
    names = [n for n in _names(rows) if n not in hidden and not n.startswith(_NORM)]
    known = [name for name in TITLES if name in names and name not in _LAST]
    unknown = [name for name in names if name not in TITLES]
    figures = [_chart(name, rows, method) for name in known + unknown]
    norms = [name for name in _names({"": rows[method]}) if name.startswith(_NORM)]
    if norms:
        figures.append(_gradient_norms(norms, rows, method))
    return figures + [_chart(name, rows, method) for name in _LAST if name in names]


def numbers(rows):
    """The numbers behind the charts of one method as a table of words."""
    names = ["round", *_names({"": rows})]
    body = [tuple(_word(row.get(name)) for name in names) for row in rows]
    return [tuple(name.replace("_", " ") for name in names), *body]


def _names(rows):
    """Names of all numbers in the rows, in the order in which they come."""
    found = {}
    for row in (row for each in rows.values() for row in each):
        found |= {name: None for name, value in row.items() if isinstance(value, int | float)}
    found.pop("round", None)
    return list(found)


def _points(rows, name):
    return [(row["round"], row[name]) for row in rows if row.get(name) is not None]


def _chart(name, rows, method):
    title, note = TITLES.get(name, (name.replace("_", " ").capitalize(), ""))
    lines = []
    for each in rows:
        points = _points(rows[each], name)
        if points:
            kind = "main" if each == method else "other"
            lines.append(Line(name=each, points=points, kind=kind))
    for reference, (of, words) in _REFERENCES.items():
        points = _points(rows[method], reference)
        if of == name and points:
            lines.append(Line(name=words, points=points, kind="reference"))
    write = _percent if name in _PERCENT else short
    return line_chart(title, lines, note=note, write=write)


def _gradient_norms(norms, rows, method):
    lines = []
    for name in norms:
        player = name.removeprefix(_NORM)
        kind = "main" if player == "student" else "other"
        lines.append(Line(name=player, points=_points(rows[method], name), kind=kind))
    note = "length of each player's gradient, the mean since the evaluation before"
    return line_chart("Gradient norms", lines, note=note, logarithmic=True)


def _word(value):
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def section(run):
    """The charts and, folded, the numbers behind them."""
    own = run.result["method"]
    figures = charts(run.rows, own, run.result["teacher"]["accuracy"])
    if not figures:
        return element("section", element("h2", "Curves"), element("p", "None were recorded."))
    folded = [
        element("details", element("summary", f"Numbers of {name}"), table(numbers(rows), name))
        for name, rows in run.rows.items()
        if rows
    ]
    grid = element("div", *figures, class_="charts")
    return element("section", element("h2", "Curves"), grid, *folded)
