"""From rows of numbers to charts: which there are, what lines they have."""

import re

from mosaickd_tf.report import curves
from tests.report import rows


def titles(figures):
    return [re.search("<strong>(.*?)</strong>", figure).group(1) for figure in figures]


def test_there_is_a_chart_for_each_term_of_any_method_the_accuracies_first():
    metrics = {
        "mosaic": rows(my_own_term=[1, 2, 3], images_per_second=[9, 9, 9]),
        "kd": [{"round": 0, "other_loss": 1.0}, {"round": 300, "other_loss": 0.5}],
    }
    assert titles(curves.charts(metrics, "mosaic")) == [
        "Accuracy",
        "Distillation loss",
        "Adversarial loss",
        "Label-space alignment",
        "Class balance",
        "My own term",
        "Other loss",
        "Images per second",
    ]


def test_methods_share_a_chart_and_the_run_s_own_is_drawn_strongest():
    metrics = {
        "mosaic": [{"round": 1, "distillation_loss": 0.1}],
        "kd": [{"round": 1, "distillation_loss": 0.2}],
    }
    (figure,) = curves.charts(metrics, "mosaic")
    assert "mosaic ends at 0.1; kd ends at 0.2" in figure
    assert figure.count('class="line main"') == figure.count('class="line other"') == 1


def test_norms_of_all_players_share_a_chart():
    metrics = rows(gradient_norm_student=[1, 1, 0.5], gradient_norm_generator=[20, 30, 40])
    figures = curves.charts({"mosaic": metrics}, "mosaic")
    (figure,) = [figure for figure in figures if "Gradient norms" in figure]
    assert "student ends at 0.5; generator ends at 40" in figure


def test_norms_of_a_baseline_alone_have_no_chart():
    metrics = {
        "kd": [{"round": 1, "distillation_loss": 0.2}],
        "mosaic": [{"round": 1, "gradient_norm_generator": 0.1}],
    }
    assert titles(curves.charts(metrics, "kd")) == ["Distillation loss"]


def test_references_are_drawn_into_the_charts_they_belong_to():
    metrics = rows(patch_distance=[0.3, 0.2, 0.1], patch_distance_within_ood=[0.01] * 3)
    figures = curves.charts({"mosaic": metrics}, "mosaic", teacher_accuracy=0.98)
    assert "mosaic ends at 95 %; teacher, test ends at 98 %" in figures[0]
    (figure,) = [figure for figure in figures if "Distance of patches" in figure]
    assert "mosaic ends at 0.1; OOD to OOD ends at 0.01" in figure
    assert sum("teacher" in title.lower() for title in titles(figures)) == 0


def test_a_number_that_is_missing_in_some_rows_is_drawn_from_the_others():
    metrics = [{"round": 0, "a": None}, {"round": 10, "a": 1.0}, {"round": 20}]
    (figure,) = curves.charts({"m": metrics}, "m")
    assert figure.count('class="dot main"') == 1


def test_lists_have_no_curve():
    assert curves.charts({"m": [{"round": 1, "synthetic_classes": [1, 2]}]}, "m") == []


def test_the_numbers_behind_the_curves():
    metrics = [{"round": 0, "a_loss": None}, {"round": 1000, "a_loss": 0.123456, "list": [1]}]
    assert curves.numbers(metrics) == [("round", "a loss"), ("0", "-"), ("1,000", "0.1235")]


def test_what_tells_of_interruptions_has_no_chart_but_stands_in_the_numbers():
    plain = {"kd": [{"round": 0, "loss": 1.0}, {"round": 1, "loss": 0.5}]}
    told = {"kd": [plain["kd"][0], plain["kd"][1] | {"resumed_from": 1, "rollbacks": 2}]}
    assert len(curves.charts(told, "kd")) == len(curves.charts(plain, "kd"))
    assert "resumed from" in curves.numbers(told["kd"])[0]
