"""Rounds on trial: what they measure and leave alone, and how many rounds are affordable."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import MethodConfig
from mosaickd_tf.pipeline import trial
from mosaickd_tf.pipeline.prepared import PreparedMethod
from mosaickd_tf.pipeline.trial import (
    Trial,
    affordable_batch_size,
    affordable_rounds,
    run_trial,
)
from mosaickd_tf.pipeline.validate import validate_and_load
from tests import tiny
from tests.pipeline.small_run import CONFIG, changed, refusal


@pytest.mark.usefixtures("eagerly")
def test_a_trial_leaves_the_networks_as_they_are():
    prepared = validate_and_load(CONFIG)
    networks = {"teacher": prepared.teacher, **prepared.method.networks.by_name}
    before = {name: tiny.values(network) for name, network in networks.items()}
    found = run_trial(prepared.method, prepared)
    assert found.seconds_per_round > 0
    assert found.peak_bytes > 2**27  # TensorFlow alone
    for name, network in networks.items():
        assert tiny.same_bits(tiny.values(network), before[name])


@pytest.mark.usefixtures("eagerly")
def test_a_warm_up_counts_by_its_share(monkeypatch):
    config = changed("optimization", CONFIG, rounds=8, recipe="short")
    (method, _) = (prepared := validate_and_load(config)).methods
    began = []

    def seconds(distiller, _):
        began.append(int(distiller.rounds_completed))
        return 1.0 if began[-1] < distiller.warmup_rounds else 4.0

    monkeypatch.setattr(trial, "_seconds_per_round", seconds)
    assert run_trial(method, prepared).seconds_per_round == 2.5  # half of the 8 rounds each
    assert began == [1, 5]  # each after a call that is not timed


@pytest.mark.usefixtures("eagerly")
def test_a_method_without_ood_images_is_tried_on_black_ones(monkeypatch):
    seen = []
    batches = PreparedMethod.batches

    def recorded(method, distiller, images, view_logits):
        seen.append(images)
        return batches(method, distiller, images, view_logits)

    monkeypatch.setattr(PreparedMethod, "batches", recorded)
    config = changed("data", CONFIG, ood_dataset="")
    prepared = validate_and_load(
        dataclasses.replace(config, method=MethodConfig(method="dafl", compare_with=()))
    )
    run_trial(prepared.method, prepared)
    assert [images.shape for images in seen] == [(4, 8, 8, 1)] and not np.any(seen[0])


def trials(**seconds):
    return {name: Trial(seconds_per_round=s, peak_bytes=2**30) for name, s in seconds.items()}


@pytest.mark.parametrize(
    "seconds, per_call, expected",
    [
        ({"mosaic": 1.0}, 1, 3000),
        ({"mosaic": 2.0, "kd": 0.5}, 1, 1200),
        ({"mosaic": 1.7}, 1, 1760),  # 1,764 in tens
        ({"mosaic": 1.0}, 7, 2940),  # in seventies
        ({"mosaic": 4000.0}, 1, 10),
    ],
)
def test_the_rounds_of_fifty_minutes_by_hand(seconds, per_call, expected):
    assert affordable_rounds(trials(**seconds), per_call) == expected


def test_what_comes_before_the_rounds_is_of_the_fifty_minutes():
    found = {"kd": Trial(seconds_per_round=1.0, peak_bytes=1, seconds_before=500.0)}
    assert affordable_rounds(found) == 2500


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("views, megabytes, passes", [(0, 1, 0), (3, 1, 3), (900, 1, 781)])
def test_a_trial_counts_a_pass_of_the_teacher_for_each_view_that_fits(
    views, megabytes, passes, monkeypatch
):
    monkeypatch.setattr(trial, "_seconds_of_pass", lambda teacher, images: 2.0)
    prepared = validate_and_load(changed("data", CONFIG, views=views, store_megabytes=megabytes))
    assert len(prepared.ood) == 64  # of 10 logits: 1,280 bytes a view
    assert run_trial(prepared.methods[1], prepared).seconds_before == 2.0 * passes


@pytest.mark.parametrize(
    "seconds, largest, expected",
    [
        ({"mosaic": 1.0}, 256, 32),  # 3 s a round are 48 images
        ({"mosaic": 0.5, "kd": 0.25}, 256, 64),
        ({"mosaic": 0.01}, 256, 256),
        ({"mosaic": 0.01}, 32, 32),
        ({"mosaic": 60.0}, 256, 16),
    ],
)
def test_the_batch_of_a_thousand_rounds_by_hand(seconds, largest, expected):
    assert affordable_batch_size(trials(**seconds), largest) == expected


@pytest.fixture
def three_seconds(monkeypatch):
    """Lets a round on trial take three seconds."""
    monkeypatch.setattr(trial, "run_trial", lambda *_: Trial(seconds_per_round=3, peak_bytes=1))


OPEN = changed("optimization", CONFIG, rounds=0)


@pytest.mark.usefixtures("three_seconds")
def test_rounds_that_are_left_open_are_those_of_fifty_minutes(caplog):
    with caplog.at_level("INFO", "mosaickd_tf"):
        prepared = validate_and_load(OPEN)
    assert prepared.config.optimization.rounds == 500  # of two methods of 3 s each
    for method in prepared.methods:
        assert (method.plan.rounds, method.plan.evaluate_every) == (500, 50)
        assert method.networks.optimization.rounds == 500
    assert list(prepared.trials) == ["mosaic", "kd"]
    assert any("500 rounds take about 25 minutes" in message for message in caplog.messages)


def test_a_batch_size_that_is_left_open_too_is_tried_at_16_images_first(monkeypatch, caplog):
    tried = []

    def run_trial(method, _):
        tried.append((method.name, method.config.optimization.batch_size))
        return Trial(seconds_per_round=0.02 * tried[-1][1], peak_bytes=1)

    monkeypatch.setattr(trial, "run_trial", run_trial)
    config = changed("optimization", OPEN, batch_size=0)
    with caplog.at_level("INFO", "mosaickd_tf"):
        optimization = validate_and_load(config).config.optimization
    assert any(message.startswith("batches of 32 images") for message in caplog.messages)
    assert tried == [("mosaic", 16), ("kd", 16), ("mosaic", 32), ("kd", 32)]
    assert (optimization.batch_size, optimization.rounds) == (32, 2340)


@pytest.mark.usefixtures("three_seconds")
def test_a_gpu_takes_the_rounds_of_the_paper(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    assert validate_and_load(OPEN).config.optimization.rounds == 39200


@pytest.mark.usefixtures("three_seconds")
def test_too_few_affordable_rounds_for_an_option_are_refused():
    config = dataclasses.replace(
        OPEN, method=MethodConfig(method="deep_inversion", compare_with=("kd",))
    )
    assert "deep_inversion_steps" in refusal(validate_and_load, config)


@pytest.mark.usefixtures("three_seconds")
def test_networks_are_those_of_the_same_rounds_that_are_named():
    left_open = validate_and_load(OPEN)
    named = validate_and_load(changed("optimization", CONFIG, rounds=500, recipe="short"))
    assert left_open.config == named.config
    for name, network in left_open.method.networks.by_name.items():
        assert tiny.same_bits(
            tiny.values(network), tiny.values(named.method.networks.by_name[name])
        )
