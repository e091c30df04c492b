"""The batch that fits in memory, for a config that leaves it to the program."""

import dataclasses

import pytest

from mosaickd_tf import models
from mosaickd_tf.config import OptimizationConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.pipeline import batch_size
from mosaickd_tf.pipeline.batch_size import estimated_bytes, gibibytes, with_batch_size
from mosaickd_tf.pipeline.build import build_networks
from tests import tiny
from tests.pipeline.small_run import CONFIG, changed, refusal

OPEN = changed("optimization", CONFIG, batch_size=0)


def large(side):
    """Returns a config without a batch size for images of `side` pixels, and its teacher."""
    config = changed("data", OPEN, image_size=side)
    return config, tiny.classifier(input_shape=(side, side, 1))


def chosen(config, teacher):
    return with_batch_size(config, teacher).optimization.batch_size


def test_a_batch_of_one_image_is_refused():
    with pytest.raises(RequestError, match="at least 2, or 0"):
        OptimizationConfig(batch_size=1)


def test_a_batch_that_is_given_stays():
    assert with_batch_size(CONFIG, tiny.classifier(input_shape=(8, 8, 1))) is CONFIG


def test_small_images_come_in_the_batch_of_the_paper(monkeypatch):
    monkeypatch.setattr(batch_size, "build_networks", None)
    assert chosen(OPEN, tiny.classifier(input_shape=(8, 8, 1))) == 256


def test_the_largest_power_of_two_that_fits_is_taken(monkeypatch):
    config, teacher = large(40)
    networks = build_networks(
        dataclasses.replace(config, optimization=CONFIG.optimization), teacher
    )
    for expected in (256, 64, 2):
        least = estimated_bytes(networks, teacher, expected)
        monkeypatch.setattr(batch_size, "_limit", lambda least=least: least)
        assert chosen(config, teacher) == expected
        if expected < 256:
            between = estimated_bytes(networks, teacher, 2 * expected) - 1
            monkeypatch.setattr(batch_size, "_limit", lambda between=between: between)
            assert chosen(config, teacher) == expected


def test_networks_of_which_not_even_two_images_fit_are_refused(monkeypatch):
    config, teacher = large(40)
    monkeypatch.setattr(batch_size, "_limit", lambda: 2**20)
    message = refusal(with_batch_size, config, teacher)
    assert "at most 0.0 GiB of memory" in message and "`image_size`" in message


def test_the_estimate_grows_with_the_batch_by_all_activations():
    config, teacher = large(40)
    networks = build_networks(
        dataclasses.replace(config, optimization=CONFIG.optimization), teacher
    )
    numbers = sum(map(models.activations, (teacher, *networks.by_name.values())))
    first, second = (estimated_bytes(networks, teacher, number) for number in (10, 20))
    assert second - first == pytest.approx(10 * numbers * 4 * batch_size._COPIES, rel=1e-6)


def test_bytes_as_text():
    assert gibibytes(3 * 2**29) == "1.5 GiB"
