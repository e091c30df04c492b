"""What the synthetic images show, and how the student does, class by class."""

import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.data import grids
from mosaickd_tf.report.markup import bar, element, figure_of_table, picture, table
from mosaickd_tf.report.table import percent

SHOWN = 20  # classes up to which all are shown; of more, those that matter most
MIXED_UP = 10  # pairs of classes


def pictures_section(run):
    """Synthetic images by the class that the teacher sees, beside OOD images."""
    figures = []
    if run.synthetic_images is not None and run.synthetic_classes:
        figures.append(_synthetic(run))
    elif run.synthetic_classes and run.result["config"].get("no_samples"):
        words = "kept out of this page and of the run's folder, as --no_samples asked"
        figures.append(element("figure", _caption("Synthetic images", words)))
    if run.ood_images is not None:
        caption = _caption("OOD images", "some of those that the student learned from")
        shown = element("div", *map(picture, run.ood_images), class_="pictures")
        figures.append(element("figure", caption, shown, class_="ood"))
    if not figures:
        return []
    grid = element("div", *figures, class_="sides")
    return [element("section", element("h2", "Images"), grid)]


def _synthetic(run):
    counts = run.synthetic_classes
    most = max(counts)
    rows = []
    for number, images in zip(grids.shown_classes(counts), run.synthetic_images, strict=False):
        count = counts[number]
        label = element("span", run.label(number), class_="label", title=run.label(number))
        drawn = element("span", *map(picture, images[:count]), class_="pictures")
        total = element("span", f"{count:,}", class_="number")
        rows.append(element("li", label, total, bar(count / most), drawn))
    seen = sum(count > 0 for count in counts)
    words = (
        f"{sum(counts):,} images of a fixed noise, by the class that the teacher sees, and how "
        f"many there are: {seen:,} of {len(counts):,} classes occur"
    )
    if len(rows) < len(counts):
        words += f"; shown are the {len(rows)} most frequent"
    words += (
        ". The generator in inference mode, at the last evaluation. They can resemble what the "
        "teacher was trained on; --no_samples leaves them out"
    )
    caption = _caption("Synthetic images", words)
    return element("figure", caption, element("ol", *rows, class_="classes"))


def _caption(title, words):
    return element("figcaption", element("strong", title), f" {words}.")


def test_section(run):
    """Accuracies of the classes and the confusions of the student, where there are labels."""
    if not run.predictions:
        return []
    labels = run.predictions["labels"]
    size = len(run.label_names)
    student, teacher = (
        evaluation.confusion_matrix(labels, run.predictions[role], size)
        for role in ("student", "teacher")
    )
    confusions = _matrix(run, student) if size <= SHOWN else _mixed_up(run, student)
    sides = element("div", confusions, _accuracies(run, student, teacher), class_="sides")
    return [element("section", element("h2", "The student on the test part"), sides)]


def _matrix(run, confusion):
    """The confusion matrix, each cell as dark as its share of the row."""
    names = [run.label(number) for number in range(len(confusion))]
    head = [element("th", name, scope="col", title=name) for name in names]
    lines = []
    for name, row in zip(names, confusion, strict=True):
        total = max(1, row.sum())
        cells = [_cell(count, count / total) for count in row.tolist()]
        lines.append(element("tr", element("th", name, scope="row", title=name), *cells))
    caption = "How many images of each class (row) the student called by each name (column)"
    heads = element("tr", element("th", "class", scope="col"), *head)
    return figure_of_table(caption, heads, lines, kind="matrix")


def _cell(count, share):
    if not count:
        return element("td", "·", class_="none")
    return element("td", f"{count:,}", style=f"--share:{100 * share:.0f}%")


def _mixed_up(run, confusion):
    """The pairs of classes that are mixed up most, for more classes than a matrix can show."""
    errors = confusion.copy()
    np.fill_diagonal(errors, 0)
    rows = [("class", "called", "images", "of the class")]
    for place in np.argsort(-errors, axis=None, kind="stable")[:MIXED_UP]:
        true, named = divmod(int(place), len(errors))
        if errors[true, named]:
            share = errors[true, named] / confusion[true].sum()
            words = (run.label(true), run.label(named))
            rows.append((*words, f"{errors[true, named]:,}", percent(share)))
    return table(rows, "Most frequent confusions", words=2)


def _accuracies(run, student, teacher):
    """Accuracy of each class, or of those in which the student does worst."""
    totals = student.sum(axis=1)
    shares = {
        role: np.divide(counts.diagonal(), totals, where=totals > 0, out=np.zeros(len(totals)))
        for role, counts in (("student", student), ("teacher", teacher))
    }
    tested = [number for number in range(len(totals)) if totals[number]]
    caption = "Accuracy of each class"
    if len(tested) > SHOWN:
        tested = sorted(tested, key=lambda number: shares["student"][number])[:SHOWN]
        caption = f"Accuracy of the {SHOWN} classes in which the student does worst"
    rows = [("class", "", "student", "teacher", "images")]
    for number in tested:
        ours, theirs = (float(shares[role][number]) for role in ("student", "teacher"))
        images = f"{totals[number]:,}"
        rows.append((run.label(number), bar(ours), percent(ours), percent(theirs), images))
    return table(rows, caption, words=2)
