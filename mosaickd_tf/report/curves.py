"""Charts of the rows of `metrics.jsonl`, one for each number, with a line for each method."""

from mosaickd_tf.config import declared, terms
from mosaickd_tf.report.charts import Line, line_chart, short
from mosaickd_tf.report.markup import element, table


def _percent(share):
    return f"{100 * share:.3g} %"


def _of_term(term):
    """Returns title and note of the chart of a `Term`."""
    direction = f"{term.direction} is better" if term.direction else ""
    return term.title, "; ".join(filter(None, (term.note, term.unit, direction)))


_SHARED_TERMS = {term.name: term for term in vars(terms).values() if isinstance(term, terms.Term)}

# Title and note of the chart of each number, in the order of the charts.
TITLES = {
    "validation_accuracy": ("Accuracy", "on the validation split"),
    "validation_mean_average_precision": (
        "Mean average precision",
        "over labels, on the validation split",
    ),
    "validation_agreement": ("Agreement with the teacher", "on the validation split"),
    "unlabeled_agreement": (
        "Agreement with the teacher",
        "on unlabeled images: OOD, or synthetic where there are none",
    ),
    "prediction_diversity": (
        "Diversity of the student's predictions",
        "share outside of its most frequent class, over the teacher's; near 0 it predicts one",
    ),
    **{name: _of_term(term) for name, term in (_SHARED_TERMS | declared.terms()).items()},
    "teacher_confidence": (
        "Teacher's confidence",
        "mean highest probability on synthetic images",
    ),
    "patch_divergence": (
        "Divergence of patches",
        "nats, from 0 (alike) to ln 2 = 0.693 (distinguishable); a lower bound by the "
        "discriminator",
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
    "validation_mean_average_precision",
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
    """Draws all charts of a run.

    Args:
        rows: rows of metrics.jsonl by method.
        method: the run's own, whose lines are emphasized.
        teacher_accuracy: on the test split, as a reference; may be None.

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
    """Returns the numbers in the charts of one method as rows of text."""
    names = ["round", *_names({"": rows})]
    body = [tuple(_word(row.get(name)) for name in names) for row in rows]
    return [tuple(name.replace("_", " ") for name in names), *body]


def _names(rows):
    """Returns the names of all numbers in the rows, in order of appearance."""
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
    for reference, (chart, label) in _REFERENCES.items():
        points = _points(rows[method], reference)
        if chart == name and points:
            lines.append(Line(name=label, points=points, kind="reference"))
    write = _percent if name in _PERCENT else short
    return line_chart(title, lines, note=note, write=write)


def _gradient_norms(norms, rows, method):
    lines = []
    for name in norms:
        network = name.removeprefix(_NORM)
        kind = "main" if network == "student" else "other"
        lines.append(Line(name=network, points=_points(rows[method], name), kind=kind))
    note = "norm of each network's gradient, the mean since the previous evaluation"
    return line_chart("Gradient norms", lines, note=note, logarithmic=True)


def _word(value):
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def section(run):
    """Renders the charts and, collapsed, their numbers."""
    own = run.result["method"]
    figures = charts(run.rows, own, run.result["teacher"]["accuracy"])
    if not figures:
        return element("section", element("h2", "Curves"), element("p", "None were recorded."))
    details = [
        element("details", element("summary", f"Numbers of {name}"), table(numbers(rows), name))
        for name, rows in run.rows.items()
        if rows
    ]
    grid = element("div", *figures, class_="charts")
    return element("section", element("h2", "Curves"), grid, *details)
