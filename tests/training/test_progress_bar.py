"""The progress on a terminal: a bar with metrics, the terms of the loss below it."""

import re

from tqdm import tqdm

from mosaickd_tf.training import progress_bar
from mosaickd_tf.training.metrics_log import format_metrics
from tests.training.fakes import Counter, run


def test_a_bar_with_speed_and_accuracy_and_below_it_a_line_with_the_terms(tmp_path, monkeypatch):
    above, below = [], []

    class Bar(tqdm):
        def set_postfix_str(self, s="", refresh=True):
            above.append(re.sub(r"^images/s [^ ]+", "images/s 9", s))

        def set_description_str(self, desc=None, refresh=True):
            below.append(desc)

    monkeypatch.setattr(progress_bar, "tqdm", Bar)
    run(
        Counter(),
        tmp_path,
        lambda step: {
            "validation_accuracy": step / 100,
            "validation_agreement": 0.75,
            "prediction_diversity": 0.9,
        },
        rounds=30,
        evaluate_every=15,
        checkpoint_every=30,
    )
    assert above == ["images/s 9", *["images/s 9  accuracy 0.15  agreement 0.75"] * 2]
    assert below == ["adv 0.5", *["adv 0.5  diversity 0.9"] * 2]


def test_bar_and_terms_fit_a_terminal_of_80_columns():
    """The values are those of a long training with a term more than the paper's."""
    values = {
        "images_per_second": 40.1,
        "validation_accuracy": 0.962,
        "validation_agreement": 0.962,
    }
    terms = {
        "patch_discrimination_loss": 42,
        "local_patch_loss": 49.9,
        "label_space_alignment_loss": 2.83,
        "adversarial_loss": -1.18,
        "class_balance_loss": -6.13,
        "distillation_loss": 1.21,
        "statistics_loss": 16.5,
    }
    line = tqdm.format_meter(
        n=300,
        total=3000,
        elapsed=600,
        prefix="mosaic",
        postfix=format_metrics(values),
        bar_format=progress_bar.BAR,
        ncols=80,
    )
    assert line.startswith("mosaic 300/3000 |") and "| 1:30:00 left, images/s 40.1 " in line
    assert line.endswith("accuracy 0.962  agreement 0.962") and len(format_metrics(terms)) <= 80
