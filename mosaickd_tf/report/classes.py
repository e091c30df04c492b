"""Synthetic images by class, and the accuracy of the student by class."""

import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.data import grids
from mosaickd_tf.report.markup import bar, element, figure_of_table, image_element, table
from mosaickd_tf.report.table import percent

SHOWN = 20  # classes up to which all are shown; of more, the most important ones
CONFUSIONS = 10  # pairs of classes


def images_section(run):
    """Renders synthetic images by the class that the teacher predicts, beside OOD images."""
    figures = []
    if run.synthetic_images is not None and run.synthetic_classes:
        figures.append(_synthetic(run))
    elif run.synthetic_classes and run.result["config"].get("no_samples"):
        text = "omitted here and in the run's folder because of --no_samples"
        figures.append(element("figure", _caption("Synthetic images", text)))
    if run.ood_images is not None:
        caption = _caption("OOD images", "a sample of those that the student learned from")
        shown = element("div", *map(image_element, run.ood_images), class_="images")
        figures.append(element("figure", caption, shown, class_="ood"))
    if not figures:
        return []
    grid = element("div", *figures, class_="sides")
    return [element("section", element("h2", "Images"), grid)]


def _synthetic(run):
    counts = run.synthetic_classes
    largest = max(*counts, 1)
    rows = []
    for number, images in zip(grids.shown_classes(counts), run.synthetic_images, strict=False):
        count = counts[number]
        label = element("span", run.label(number), class_="label", title=run.label(number))
        drawn = element("span", *map(image_element, images[:count]), class_="images")
        total = element("span", f"{count:,}", class_="number")
        rows.append(element("li", label, total, bar(count / largest), drawn))
    occurring = sum(count > 0 for count in counts)
    text = _number_of_images(run, counts)
    text += f": {occurring:,} of {len(counts):,} classes occur"
    if len(rows) < len(counts):
        text += f"; the {len(rows)} most frequent are shown"
    text += (
        ". From the generator in inference mode, at the last evaluation. They can resemble what "
        "the teacher was trained on; --no_samples omits them"
    )
    caption = _caption("Synthetic images", text)
    return element("figure", caption, element("ol", *rows, class_="classes"))


def _number_of_images(run, counts):
    if _is_multi_label(run):  # an image counts for each of its labels
        return "images of fixed noise, counted by the labels that the teacher predicts"
    return f"{sum(counts):,} images of fixed noise, counted by the class that the teacher predicts"


def _caption(title, text):
    return element("figcaption", element("strong", title), f" {text}.")


def _is_multi_label(run):
    return run.task.label_rank == 2


def test_section(run):
    """Renders accuracies by class and the student's confusions, where there are labels."""
    if not run.predictions:
        return []
    sides = _of_labels(run) if _is_multi_label(run) else _of_classes(run)
    grid = element("div", *sides, class_="sides")
    return [element("section", element("h2", "The student on the test split"), grid)]


def _of_classes(run):
    labels = run.predictions["labels"]
    size = len(run.label_names)
    student, teacher = (
        evaluation.confusion_matrix(labels, run.predictions[role], size)
        for role in ("student", "teacher")
    )
    totals = student.sum(axis=1)
    shares = {
        role: np.divide(counts.diagonal(), totals, where=totals > 0, out=np.zeros(len(totals)))
        for role, counts in (("student", student), ("teacher", teacher))
    }
    confusions = _matrix(run, student) if size <= SHOWN else _most_confused(run, student)
    tested = [number for number in range(size) if totals[number]]
    return confusions, _accuracies(run, shares, tested, totals, "class", "images")


def _of_labels(run):
    """Renders the share of images on which each label is predicted correctly."""
    size = len(run.label_names)
    labels, student, teacher = (
        _multi_hot(run.predictions[name], size) for name in ("labels", "student", "teacher")
    )
    shares = {"student": (student == labels).mean(0), "teacher": (teacher == labels).mean(0)}
    return (_accuracies(run, shares, range(size), labels.sum(0), "label", "images with it"),)


def _multi_hot(rows, size):
    found = np.zeros((len(rows), size), int)
    for row, numbers in zip(found, rows, strict=True):
        row[numbers] = 1
    return found


def _matrix(run, confusion):
    """Renders the confusion matrix, each cell as dark as its share of the row."""
    names = [run.label(number) for number in range(len(confusion))]
    head = [element("th", name, scope="col", title=name) for name in names]
    lines = []
    for name, row in zip(names, confusion, strict=True):
        total = max(1, row.sum())
        cells = [_cell(count, count / total) for count in row.tolist()]
        lines.append(element("tr", element("th", name, scope="row", title=name), *cells))
    caption = "Confusion matrix: number of images by class (row) and prediction (column)"
    heads = element("tr", element("th", "class", scope="col"), *head)
    return figure_of_table(caption, heads, lines, kind="matrix")


def _cell(count, share):
    if not count:
        return element("td", "·", class_="none")
    return element("td", f"{count:,}", style=f"--share:{100 * share:.0f}%")


def _most_confused(run, confusion):
    """Renders the most frequent confusions, for more classes than a matrix can show."""
    errors = confusion.copy()
    np.fill_diagonal(errors, 0)
    rows = [("class", "predicted", "images", "of the class")]
    for place in np.argsort(-errors, axis=None, kind="stable")[:CONFUSIONS]:
        true, predicted = divmod(int(place), len(errors))
        if errors[true, predicted]:
            share = errors[true, predicted] / confusion[true].sum()
            names = (run.label(true), run.label(predicted))
            rows.append((*names, f"{errors[true, predicted]:,}", percent(share)))
    return table(rows, "Most frequent confusions", words=2)


def _accuracies(run, shares, tested, totals, kind, counted):
    """Renders the accuracy of each class, or of those with the lowest.

    Args:
        run: a `FinishedRun`.
        shares: dict of the accuracies of "student" and "teacher" by class.
        tested: numbers of the classes.
        totals: number of images by class.
        kind: "class" or "label".
        counted: title of the column of `totals`.
    """
    caption = f"Accuracy by {kind}"
    if len(tested) > SHOWN:
        tested = sorted(tested, key=lambda number: shares["student"][number])[:SHOWN]
        caption = f"Accuracy by {kind}, the {SHOWN} with the lowest of the student"
    rows = [(kind, "", "student", "teacher", counted)]
    for number in tested:
        student, teacher = (float(shares[role][number]) for role in ("student", "teacher"))
        total = f"{totals[number]:,}"
        rows.append((run.label(number), bar(student), percent(student), percent(teacher), total))
    return table(rows, caption, words=2)
