"""Class by class: images, confusions and accuracies that can be counted by hand."""

import re

import numpy as np
import pytest

from mosaickd_tf.report import classes
from mosaickd_tf.workdir.finished import FinishedRun
from tests.report import result, write_run

LABELS = [0, 0, 0, 0, 1, 1, 2, 2]
STUDENT = [0, 0, 0, 1, 1, 1, 0, 0]
TEACHER = [0, 0, 0, 0, 1, 2, 2, 2]


@pytest.fixture
def run(tmp_path):
    """Writes a run of three classes with few test images."""
    write_run(tmp_path, result(), label_names=("cat", "dog", "cow"))
    named = {"labels": LABELS, "student": STUDENT, "teacher": TEACHER}
    predictions = named | {"label_names": ["cat", "dog", "cow"]}
    return changed(FinishedRun(tmp_path), predictions=predictions)


def changed(run, **parts):
    """Returns the run with other parts than those in its folder."""
    for name, value in parts.items():
        setattr(run, name, value)
    return run


def lines(section):
    """Returns the cells of the rows of all tables in a section."""
    rows = re.findall("<tr[^>]*>(.*?)</tr>", section)
    cells = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    return [[re.sub("<[^>]*>", "", cell) for cell in row] for row in cells]


def test_the_confusions_of_the_student(run):
    (section,) = classes.test_section(run)
    assert lines(section)[:4] == [
        ["class", "cat", "dog", "cow"],
        ["cat", "3", "1", "·"],
        ["dog", "·", "2", "·"],
        ["cow", "2", "·", "·"],
    ]
    assert re.findall("--share:([^%]*)%", section) == ["75", "25", "100", "100"]


def test_accuracies_of_student_and_teacher_in_each_class(run):
    (section,) = classes.test_section(run)
    assert lines(section)[4:] == [
        ["class", "", "student", "teacher", "images"],
        ["cat", "", "75.00 %", "100.00 %", "4"],
        ["dog", "", "100.00 %", "50.00 %", "2"],
        ["cow", "", "0.00 %", "100.00 %", "2"],
    ]


def test_a_class_without_test_images_has_no_accuracy(run):
    predictions = run.predictions | {"labels": [0] * 8}
    (section,) = classes.test_section(changed(run, predictions=predictions))
    assert [line[0] for line in lines(section)[5:]] == ["cat"]


def test_of_many_classes_the_worst_and_the_most_confused_are_shown(run):
    names = tuple(f"c{number}" for number in range(30))
    labels = [number for number in range(30) for _ in range(10)]
    student = list(labels)
    for place in range(70, 74):
        student[place] = 8  # four of c7 are called c8
    student[299] = 0
    named = {"labels": labels, "student": student, "teacher": labels, "label_names": list(names)}
    run = changed(run, predictions=named, label_names=names)
    (section,) = classes.test_section(run)
    found = lines(section)
    assert found[:3] == [
        ["class", "predicted", "images", "of the class"],
        ["c7", "c8", "4", "40.00 %"],
        ["c29", "c0", "1", "10.00 %"],
    ]
    assert [line[0] for line in found[4:6]] == ["c7", "c29"]
    assert len(found[4:]) == classes.SHOWN


def test_nothing_is_said_without_labels(run):
    assert classes.test_section(changed(run, predictions=None)) == []


def test_each_class_has_its_count_and_its_images(run):
    counts = [12, 0, 3]
    images = np.zeros((3, 10, 16, 16, 1), np.uint8)
    rows = {"mosaic": [{"round": 9, "synthetic_classes": counts}], "kd": []}
    run = changed(run, rows=rows, synthetic_images=images, ood_images=None)
    (section,) = classes.images_section(run)
    items = re.findall("<li>(.*?)</li>", section)
    assert [item.count("<img") for item in items] == [10, 0, 3]
    assert [re.search('class="number">(.*?)<', item).group(1) for item in items] == ["12", "0", "3"]
    assert [re.search('width:(.*?)%"', item).group(1) for item in items] == [
        "100.00",
        "0.00",
        "25.00",
    ]
    assert "15 images" in section and "2 of 3 classes occur" in section


# Of independent labels


@pytest.fixture
def multi_label_run(tmp_path):
    """Writes a run with four test images of three labels."""
    write_run(tmp_path, result() | {"task": "multi_label"}, label_names=("cat", "dog", "cow"))
    predictions = {
        "label_names": ["cat", "dog", "cow"],
        "labels": [[0], [0, 1], [], [1, 2]],
        "student": [[0], [0], [0], [1, 2]],
        "teacher": [[0], [0, 1], [], [2]],
    }
    return changed(FinishedRun(tmp_path), predictions=predictions)


def test_each_label_has_its_accuracy_and_there_are_no_confusions(multi_label_run):
    (section,) = classes.test_section(multi_label_run)
    assert lines(section) == [
        ["label", "", "student", "teacher", "images with it"],
        ["cat", "", "75.00 %", "100.00 %", "2"],
        ["dog", "", "75.00 %", "75.00 %", "2"],
        ["cow", "", "100.00 %", "100.00 %", "1"],
    ]
    assert "onfusion" not in section


def test_images_count_for_each_of_their_labels(multi_label_run):
    rows = {"mosaic": [{"round": 9, "synthetic_classes": [0, 0, 0]}], "kd": []}
    images = np.zeros((3, 10, 16, 16, 1), np.uint8)
    (section,) = classes.images_section(
        changed(multi_label_run, rows=rows, synthetic_images=images)
    )
    assert "by the labels that the teacher predicts" in section
    assert "0 of 3 classes occur" in section
