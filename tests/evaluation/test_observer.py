"""Diagnostics of a run against the same numbers computed another way."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from mosaickd_tf import losses
from mosaickd_tf.data import grids
from mosaickd_tf.evaluation import distances
from mosaickd_tf.evaluation.observer import GRID, PATCHES, Observer
from mosaickd_tf.methods import KnowledgeDistiller, MosaicDistiller
from mosaickd_tf.training.optimizers import CosineOverRounds, MomentumSGD, gan_adam
from tests import tiny

OOD = np.random.RandomState(3).randint(0, 256, (40, 8, 8, 3), "uint8")


def mosaic(networks=None):
    distiller = MosaicDistiller(**(networks or tiny.plain_networks()))
    distiller.compile(
        student_optimizer=MomentumSGD(CosineOverRounds(0.1, 4, tiny.STUDENT_STEPS)),
        generator_optimizer=gan_adam(CosineOverRounds(1e-3, 4)),
    )
    return distiller


def observer(distiller, folder, **changes):
    options = {"patch_size": 3, "seed": 1} | changes
    return Observer(distiller, distiller.teacher, OOD, folder, **options)


def play(distiller, rounds=1):
    for number in range(rounds):
        batch = tf.nest.map_structure(tf.constant, tiny.batch(number))
        terms = distiller.train_step(batch)
    return {name: float(value) for name, value in terms.items()}


def test_patches_are_limited_to_the_image_size(tmp_path):
    """Covers methods without a discriminator, which keep the default size on small images."""
    distiller = mosaic()
    large, whole = (
        observer(distiller, tmp_path, patch_size=side)(0)["patch_distance"] for side in (99, 8)
    )
    assert large == whole


def test_before_the_first_round_undefined_values_are_missing(tmp_path):
    values = observer(mosaic(), tmp_path)(0)
    assert values.keys() == {
        "student_learning_rate",
        "generator_learning_rate",
        "teacher_confidence",
        "patch_distance",
        "patch_distance_within_ood",
        "synthetic_classes",
        "synthetic_by_class",
    }


def test_without_keep_images_only_numbers_are_returned(tmp_path):
    kept = observer(mosaic(), tmp_path / "kept")(0)
    values = observer(mosaic(), tmp_path / "out", keep_images=False)(0)
    assert kept.keys() - values.keys() == {"synthetic_by_class"}
    assert not any(isinstance(value, np.ndarray) for value in values.values())
    assert (tmp_path / "kept" / "samples" / "by_class.png").is_file()
    assert not (tmp_path / "out").exists()


def test_rates_norms_and_divergence_are_those_of_the_distiller(tmp_path):
    distiller = mosaic()
    observe = observer(distiller, tmp_path)
    terms = play(distiller, rounds=2)
    values = observe(2)
    half = 0.5 * (1 + np.cos(np.pi * 2 / 4))
    assert values["student_learning_rate"] == pytest.approx(0.1 * half)
    assert values["generator_learning_rate"] == pytest.approx(1e-3 * half)
    for player in distiller.networks:
        norm = distiller.gradient_norms[f"gradient_norm_{player}"].result()
        assert values[f"gradient_norm_{player}"] == pytest.approx(float(norm))
        assert values[f"gradient_norm_{player}"] > 0
    patches = distiller.discriminator.output_shape[1:]
    assert values["patch_divergence"] == distances.jensen_shannon_estimate(
        terms["patch_discrimination_loss"], np.prod(patches)
    )


def test_an_unused_discriminator_gives_no_divergence(tmp_path):
    from mosaickd_tf.methods.mosaic import MosaicConfig

    distiller = MosaicDistiller(**tiny.plain_networks(), config=MosaicConfig(local_weight=0.0))
    distiller.compile()
    play(distiller)
    values = observer(distiller, tmp_path)(1)
    assert "patch_divergence" not in values
    assert "gradient_norm_discriminator" not in values
    assert values["gradient_norm_generator"] > 0


def test_a_norm_that_is_not_finite_is_missing(tmp_path):
    distiller = mosaic()
    distiller.gradient_norms["gradient_norm_student"].update_state(np.inf)
    assert "gradient_norm_student" not in observer(distiller, tmp_path)(1)


def test_classes_and_confidence_are_the_teacher_s_on_the_saved_images(tmp_path):
    distiller = mosaic()
    values = observer(distiller, tmp_path)(30)
    counts = values["synthetic_classes"]
    assert (len(counts), sum(counts)) == (5, 256)
    rows = grids.cut_grid(tmp_path / "samples" / "by_class.png", 8)
    for number, (row, count) in enumerate(zip(rows, counts, strict=True)):
        shown = row[:count] / np.float32(255)
        if count:
            predicted = np.argmax(distiller.teacher(shown, training=False), axis=-1)
            assert (predicted == number).all()
    first = grids.cut_grid(tmp_path / "samples" / "round_000030.png", 8).reshape(-1, 8, 8, 3)
    assert len(first) == GRID
    grid = grids.image_grid(rows.reshape(-1, 8, 8, 3), grids.A_CLASS)
    np.testing.assert_array_equal(values["synthetic_by_class"], grid)


def test_a_teacher_that_predicts_one_class_gives_its_count_and_confidence(tmp_path):
    networks = tiny.plain_networks()
    head = networks["teacher"].layers[-1]
    head.set_weights([np.zeros((4, 5)), np.log(np.array([1, 1, 6, 1, 1], "float32"))])
    values = observer(mosaic(networks), tmp_path)(0)
    assert values["synthetic_classes"] == [0, 0, 256, 0, 0]
    assert values["teacher_confidence"] == pytest.approx(0.6)


def test_patches_of_a_gray_generator_have_the_distance_of_gray_images(tmp_path):
    networks = tiny.plain_networks()
    inputs = keras.Input((6,))
    gray = keras.layers.Dense(192, kernel_initializer="zeros")(inputs)
    gray = keras.layers.Reshape((8, 8, 3))(keras.layers.Activation("sigmoid")(gray))
    networks["generator"] = keras.Model(inputs, gray)
    values = observer(mosaic(networks), tmp_path)(0)
    ours = distances.random_patches(OOD, 3, PATCHES, (1, 1))
    directions = distances.random_directions(27, 64, 1)
    expected = distances.sliced_wasserstein(ours, np.full_like(ours, 128 / 255), directions)
    assert values["patch_distance"] == pytest.approx(expected, rel=1e-5)
    assert values["patch_distance_within_ood"] < expected / 2
    with Image.open(tmp_path / "samples" / "round_000000.png") as saved:
        assert saved.getpixel((0, 0)) == (128, 128, 128)


def test_observing_changes_no_state_and_is_repeatable(tmp_path):
    distiller = mosaic()
    observe = observer(distiller, tmp_path)
    play(distiller)
    networks = [getattr(distiller, name) for name in ("teacher", *distiller.networks)]
    before = [value for player in networks for value in tiny.values(player)]
    first, second = observe(1), observe(1)
    assert tiny.same_bits(before, [v for player in networks for v in tiny.values(player)])
    np.testing.assert_array_equal(first.pop("synthetic_by_class"), second.pop("synthetic_by_class"))
    assert first == second


def test_a_method_without_a_generator_has_norms_and_rates_only(tmp_path):
    networks = tiny.plain_networks()
    distiller = KnowledgeDistiller(teacher=networks["teacher"], student=networks["student"])
    distiller.compile()
    play(distiller)
    values = observer(distiller, tmp_path)(1)
    assert values.keys() == {"gradient_norm_student", "student_learning_rate"}
    assert list(tmp_path.iterdir()) == []


def test_more_classes_are_observed_on_more_images(tmp_path):
    networks = {
        name: tiny.classifier(seed, num_classes=60)
        for seed, name in enumerate(("teacher", "student"))
    }
    distiller = mosaic(tiny.plain_networks() | networks)
    assert sum(observer(distiller, tmp_path)(0)["synthetic_classes"]) == 600


def test_the_estimate_of_an_uninformative_discriminator_is_zero():
    """Computes the loss of zero logits, which mean no divergence."""
    nothing = np.zeros((4, 8, 8, 1), "float32")
    loss = float(losses.patch_discrimination_loss(nothing, nothing))
    assert distances.jensen_shannon_estimate(loss, 64) == pytest.approx(0, abs=1e-6)
