"""From a config to players that fit together, or a line that says why they do not."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import models
from mosaickd_tf.config import (
    DataConfig,
    DistillConfig,
    ExtensionConfig,
    LossWeights,
    MethodConfig,
    OptimizationConfig,
    PlayersConfig,
    RunConfig,
    as_baseline,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import KnowledgeDistiller, MosaicDistiller
from mosaickd_tf.models import blocks
from mosaickd_tf.models.normalization import FusedBatchNormalization
from mosaickd_tf.pipeline import build
from tests import tiny

KD = MethodConfig(method="kd")
MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
IMAGES = np.random.RandomState(0).randint(0, 256, (6, 8, 8, 3), "uint8")


@pytest.fixture(scope="module")
def student_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "student.keras"
    keras.utils.set_random_seed(4)
    network().save(path)
    return str(path)


@pytest.fixture(scope="module")
def mosaic(student_file):
    """MosaicKD as built from a config, with the teacher that was given."""
    given = network()
    asked = config(student_file, losses=LossWeights(balance=3.0))
    return build.build_distiller(asked, given, "mixed_bfloat16"), given


def network(num_classes=10, shape=(8, 8, 3)):
    """A classifier that is built quickly; a teacher, or a student for a file."""
    channels = shape[-1]
    inputs = keras.Input(shape)
    hidden = blocks.standardization(MEAN[:channels], STD[:channels])(inputs)
    hidden = layers.Conv2D(4, 3, strides=2)(hidden)
    hidden = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(hidden))
    logits = layers.Dense(num_classes, dtype="float32")(hidden)
    return keras.Model(inputs, logits, name="network")


def config(student="wrn10_1", **topics):
    """A config of players as small as they can be."""
    crops = topics.pop("patch_crops", 0)
    return DistillConfig(
        data=DataConfig(image_size=topics.pop("image_size", 8), target_dataset="embedded:digits"),
        players=PlayersConfig(
            student=student,
            noise_dim=6,
            generator_filters=2,
            discriminator_filters=2,
            patch_size=topics.pop("patch_size", 5),
            patch_crops=crops,
        ),
        optimization=OptimizationConfig(rounds=10, batch_size=4, student_steps_per_round=2),
        **topics,
    )


def student_rates(distiller):
    """Rates of the first, the sixth and the eleventh round, of two updates each."""
    schedule = distiller.student_optimizer._learning_rate
    return [float(schedule(step)) for step in (0, 10, 20)]


# Statistics


def test_the_teachers_statistics_are_found():
    mean, std = build.input_statistics(network())
    np.testing.assert_allclose(mean, MEAN, rtol=1e-6)
    np.testing.assert_allclose(std, STD, rtol=1e-6)
    assert all(type(number) is float for number in mean + std)


def test_statistics_inside_a_model_inside_a_model_are_found():
    inputs = keras.Input((8, 8, 3))
    outer = keras.Model(inputs, layers.Activation("linear")(network()(inputs)))
    np.testing.assert_allclose(build.input_statistics(outer)[0], MEAN, rtol=1e-6)


def test_without_statistics_there_are_usual_ones():
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)])
    assert build.input_statistics(model) == ([0.5], [0.25])


def test_statistics_are_those_of_unit_images_whatever_the_teacher_is_given(tmp_path):
    """A teacher of bytes standardises bytes; its student standardises unit images."""
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Normalization(mean=[51.0, 102.0, 153.0], variance=[51.0**2] * 3)(inputs)
    outputs = layers.Dense(2)(layers.GlobalAveragePooling2D()(hidden))
    keras.Model(inputs, outputs).save(tmp_path / "teacher.keras")
    mean, std = build.input_statistics(models.load_teacher(tmp_path / "teacher.keras", "bytes"))
    np.testing.assert_allclose(mean, [0.2, 0.4, 0.6], rtol=1e-5)
    np.testing.assert_allclose(std, [0.2] * 3, rtol=1e-5)


# Building


def test_mosaic_has_the_four_players_that_were_asked_for(mosaic):
    distiller, _ = mosaic
    assert isinstance(distiller, MosaicDistiller)
    assert distiller.student.output_shape == (None, 10)
    assert distiller.generator.input_shape == (None, 6)
    assert distiller.generator.output_shape == (None, 8, 8, 3)
    assert distiller.discriminator.input_shape == (None, 8, 8, 3)
    assert distiller.loss_weights.balance == 3.0
    np.testing.assert_allclose(build.input_statistics(distiller.discriminator)[0], MEAN, rtol=1e-6)


def test_players_run_fused_in_the_policy_and_give_float32(mosaic):
    distiller, _ = mosaic
    for name in ("teacher", *distiller.players):
        player = getattr(distiller, name)
        norms = [x for x in player.layers if isinstance(x, layers.BatchNormalization)]
        assert {type(norm) for norm in norms} == {FusedBatchNormalization}
        assert {norm.compute_dtype for norm in norms} == {"bfloat16"}
        assert player.outputs[0].dtype == "float32"


def test_the_teacher_that_was_given_is_left_as_it_is(mosaic):
    distiller, given = mosaic
    assert distiller.teacher is not given
    assert given.trainable and not distiller.teacher.trainable
    assert tiny.same_bits(tiny.values(given), tiny.values(distiller.teacher))


def test_a_student_by_name_has_the_teachers_statistics_and_classes():
    distiller = build.build_distiller(config("wrn10_1", method=KD), network(), "float32")
    assert isinstance(distiller, KnowledgeDistiller)
    assert distiller.players == ("student",)
    assert distiller.student.name == "wrn10_1"
    assert distiller.student.output_shape == (None, 10)
    mean, std = build.input_statistics(distiller.student)
    np.testing.assert_allclose(mean, MEAN, rtol=1e-6)
    np.testing.assert_allclose(std, STD, rtol=1e-6)


def test_a_student_from_a_file_starts_with_its_weights(student_file):
    distiller = build.build_distiller(config(student_file, method=KD), network(), "float32")
    wanted = models.load_classifier(student_file)
    assert tiny.same_bits(tiny.values(wanted), tiny.values(distiller.student))


def test_with_crops_the_discriminator_takes_one_crop(student_file):
    asked = config(student_file, patch_crops=3)
    distiller = build.build_distiller(asked, network(), "float32")
    assert distiller.discriminator.input_shape == (None, 5, 5, 3)
    assert distiller.discriminator.output_shape == (None, 1, 1, 1)
    assert distiller.patch_crops == 3


@pytest.mark.parametrize("method", ["fitnet", "crd", "sskd"])
def test_heads_are_built_with_the_method_and_learn_with_the_student(method):
    asked = config("wrn10_1", method=MethodConfig(method=method), run=RunConfig(seed=1))
    made, again = (
        build.build_distiller(asked, tiny.classifier(), "mixed_bfloat16", num_images=6)
        for _ in range(2)
    )
    assert tiny.same_bits(tiny.values(made.heads), tiny.values(again.heads))
    moved = [*made.student.trainable_variables, *made.heads.trainable_variables]
    assert len(made.student_optimizer.velocities) == len(moved)
    assert made.heads.layers[-1].dtype_policy.name == "mixed_bfloat16"


def test_a_method_that_remembers_images_is_told_how_many_there_are():
    asked = config("wrn10_1", method=MethodConfig(method="crd"))
    made = build.build_distiller(asked, tiny.classifier(), num_images=6)
    assert made.student_bank.shape == (6, 128)
    assert made.negatives == 5
    assert "`num_images`" in refusal(build.build_distiller, asked, tiny.classifier())


def test_the_seed_fixes_the_weights_of_all_players(student_file):
    def weights(seed):
        asked = config(student_file, run=RunConfig(seed=seed))
        distiller = build.build_distiller(asked, given, "float32")
        return [tiny.values(distiller.generator), tiny.values(distiller.discriminator)]

    given = network()
    one, again, other = weights(1), weights(1), weights(2)
    assert all(tiny.same_bits(a, b) for a, b in zip(one, again, strict=True))
    assert not any(tiny.same_bits(a, b) for a, b in zip(one, other, strict=True))


def test_a_generator_that_is_told_a_class_takes_it_behind_the_noise(student_file):
    asked = config(student_file, extensions=ExtensionConfig(conditional_weight=1.0))
    distiller = build.build_distiller(asked, network(num_classes=10), "float32")
    assert distiller.generator.input_shape == (None, 16)
    assert distiller.noise_dim == 6 and distiller.extensions.conditional_weight == 1.0


def test_a_method_that_makes_its_own_player_is_given_none(student_file):
    asked = config(student_file, method=MethodConfig(method="deep_inversion"))
    distiller = build.build_distiller(asked, network(), "mixed_bfloat16")
    assert distiller.players == ("student", "pixels")
    assert models.parameters(distiller.pixels) == 4 * 8 * 8 * 3
    assert distiller.pixels.unit_images().dtype == "float32"


def test_a_student_of_ood_images_alone_is_given_as_many_as_of_both(student_file):
    asked = config(student_file)
    for kind, factor in (("both", 1), ("synthetic", 1), ("ood", 2)):
        told = dataclasses.replace(asked.players, student_images=kind)
        distiller = build.build_distiller(
            dataclasses.replace(asked, players=told), network(), "float32"
        )
        assert (distiller.student_images, distiller.transfer_factor) == (kind, factor)


# Rates


def test_the_generator_s_rate_counts_rounds_however_often_it_is_updated(student_file):
    asked = config(student_file, extensions=ExtensionConfig(generator_steps_per_round=3))
    distiller = build.build_distiller(asked, network(), "float32")
    rates = [float(distiller.generator_optimizer._learning_rate(step)) for step in (2, 15, 30)]
    np.testing.assert_allclose(rates, [1e-3, 5e-4, 0.0], atol=1e-9)


def test_the_rates_decay_over_the_rounds(mosaic):
    """Cosine: whole at the first of ten rounds, half at the sixth, none after the last."""
    distiller, _ = mosaic
    np.testing.assert_allclose(student_rates(distiller), [0.1, 0.05, 0.0], atol=1e-8)
    for optimizer in (distiller.generator_optimizer, distiller.discriminator_optimizer):
        rates = [float(optimizer._learning_rate(step)) for step in (0, 5, 10)]
        np.testing.assert_allclose(rates, [1e-3, 5e-4, 0.0], atol=1e-9)


@pytest.mark.parametrize("tuned, expected", [(0.02, 0.02), (0.0, 0.1)])
def test_a_baseline_has_the_rate_that_was_given_for_baselines(student_file, tuned, expected):
    asked = config(student_file, method=MethodConfig(baseline_learning_rate=tuned))
    distiller = build.build_distiller(as_baseline(asked, "kd"), network(), "float32")
    assert isinstance(distiller, KnowledgeDistiller)
    np.testing.assert_allclose(student_rates(distiller), [expected, expected / 2, 0], atol=1e-8)


# Refusals


def refusal(call, *arguments):
    with pytest.raises(RequestError) as caught:
        call(*arguments)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("method", ["mosaic", "kd"])
@pytest.mark.parametrize(
    "num_classes, shape, what", [(7, (8, 8, 3), "output shape"), (10, (12, 12, 3), "input shape")]
)
def test_a_student_that_does_not_fit_the_teacher_is_refused(
    student_file, method, num_classes, shape, what
):
    asked = config(student_file, method=MethodConfig(method=method), image_size=shape[0])
    assert what in refusal(build.build_distiller, asked, network(num_classes, shape), "float32")


def test_a_patch_larger_than_the_image_is_refused(student_file):
    asked = config(student_file, patch_size=9)
    message = refusal(build.build_distiller, asked, network(), "float32")
    assert "`patch_size`" in message and "8" in message and "9" in message


def test_an_image_size_that_the_generator_cannot_make_is_refused():
    asked = config(image_size=10)
    message = refusal(build.build_distiller, asked, network(shape=(10, 10, 3)), "float32")
    assert "multiple of 4" in message and "10" in message


def test_a_teacher_of_probabilities_is_refused():
    inputs = keras.Input((8, 8, 3))
    softmax = keras.Model(inputs, layers.Softmax()(network()(inputs)))
    assert "must return logits" in refusal(build.check_logits, softmax, IMAGES)
    build.check_logits(network(), IMAGES)


def test_logits_that_are_all_positive_are_not_taken_for_probabilities():
    inputs = keras.Input((8, 8, 3))
    positive = keras.Model(inputs, layers.Rescaling(1.0, offset=50.0)(network()(inputs)))
    build.check_logits(positive, IMAGES)


def test_a_teacher_of_other_images_is_refused():
    for shape in ((12, 12, 3), (8, 8, 1)):
        message = refusal(build.check_teacher, network(shape=shape), config(), "0123456789")
        assert "(8, 8, 3)" in message and str(shape) in message


def test_a_teacher_of_other_classes_is_refused():
    message = refusal(build.check_teacher, network(num_classes=7), config(), "0123456789")
    assert "10 classes" in message and "7 classes" in message and "embedded:digits" in message


def test_without_labels_a_teacher_may_have_any_classes():
    build.check_teacher(network(num_classes=7), config(), ())
    build.check_teacher(network(), config(), tuple("0123456789"))
