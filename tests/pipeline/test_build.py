"""From a config to networks, and from networks to the distiller that trains them."""

import random

import keras
import numpy as np
import pytest
from keras import layers

from mosaickd_tf import models
from mosaickd_tf.config import (
    DataConfig,
    DistillConfig,
    MethodConfig,
    NetworksConfig,
    OptimizationConfig,
    RunConfig,
    as_baseline,
    with_options,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import KnowledgeDistiller, MosaicDistiller
from mosaickd_tf.methods.mosaic import MosaicConfig
from mosaickd_tf.models import blocks
from mosaickd_tf.models.graph.inference import is_inference_copy
from mosaickd_tf.models.normalization import FusedBatchNormalization
from mosaickd_tf.pipeline.build import build_distiller, build_networks, patch_size_of
from tests import tiny
from tests.pipeline.small_run import refusal

KD = MethodConfig(method="kd")
MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]


@pytest.fixture(scope="module")
def student_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "student.keras"
    keras.utils.set_random_seed(4)
    network().save(path)
    return str(path)


@pytest.fixture(scope="module")
def mosaic(student_file):
    """MosaicKD as built from a config, and its teacher."""
    teacher = network()
    requested = config(student_file, methods={"mosaic": MosaicConfig(balance_weight=3.0)})
    return build(requested, teacher, "mixed_bfloat16"), teacher


def network(num_classes=10, shape=(8, 8, 3)):
    """Builds a classifier quickly: a teacher, or a student for a file."""
    channels = shape[-1]
    inputs = keras.Input(shape)
    hidden = blocks.standardization(MEAN[:channels], STD[:channels])(inputs)
    hidden = layers.Conv2D(4, 3, strides=2)(hidden)
    hidden = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(hidden))
    logits = layers.Dense(num_classes, dtype="float32")(hidden)
    return keras.Model(inputs, logits, name="network")


def config(student="wrn10_1", image_size=8, patch_size=5, patch_crops=0, **sections):
    """Returns a config of the smallest networks."""
    return DistillConfig(
        data=DataConfig(image_size=image_size, target_dataset="embedded:digits"),
        networks=NetworksConfig(
            student=student,
            noise_dim=6,
            generator_filters=2,
            discriminator_filters=2,
            patch_size=patch_size,
            patch_crops=patch_crops,
        ),
        optimization=OptimizationConfig(rounds=10, batch_size=4, student_steps_per_round=2),
        **sections,
    )


def build(requested, teacher, policy="float32", num_images=None):
    """Builds networks and distiller of a config."""
    return build_distiller(build_networks(requested, teacher, num_images), teacher, policy)


def of_type(kind, model):
    return [layer for layer in model.layers if isinstance(layer, kind)]


def student_rates(distiller):
    """Returns the rates of the first, the sixth and the eleventh round, of two updates each."""
    schedule = distiller.student_optimizer._learning_rate
    return [float(schedule(step)) for step in (0, 10, 20)]


# Building


def test_mosaic_has_the_four_requested_networks(mosaic):
    distiller, _ = mosaic
    assert isinstance(distiller, MosaicDistiller)
    assert distiller.student.output_shape == (None, 10)
    assert distiller.generator.input_shape == (None, 6)
    assert distiller.generator.output_shape == (None, 8, 8, 3)
    assert distiller.discriminator.input_shape == (None, 8, 8, 3)
    assert distiller.config.balance_weight == 3.0
    np.testing.assert_allclose(models.input_statistics(distiller.discriminator)[0], MEAN, rtol=1e-6)


def test_after_a_warm_up_the_student_s_schedule_is_that_of_the_rounds_left(student_file):
    warm = {"mosaic": MosaicConfig(generator_warmup=0.4)}
    distiller = build(config(student_file, methods=warm), network())
    assert distiller.warmup_rounds == 4
    schedule = distiller.student_optimizer._learning_rate
    # Six rounds of two updates each: the peak, its half and zero.
    assert [float(schedule(step)) for step in (0, 6, 12)] == pytest.approx([0.1, 0.05, 0], abs=1e-8)
    assert distiller.generator_optimizer._learning_rate.num_rounds == 10


def test_adam_takes_the_rate_and_decay_of_the_student(student_file):
    options = {"student_optimizer": "adam", "student_learning_rate": 0.004, "weight_decay": 0.01}
    asked = with_options(config(student_file), optimization=options)
    optimizer = build(asked, network()).student_optimizer
    assert type(optimizer) is keras.optimizers.AdamW and optimizer.weight_decay == 0.01
    assert float(optimizer.learning_rate) == pytest.approx(0.004)


def test_a_stride_reaches_a_student_by_name_and_is_refused_for_one_from_a_file(student_file):
    strided = with_options(config(image_size=16), networks={"student_stride": 2})
    teacher = models.build_classifier("wrn10_1", num_classes=10, input_shape=(16, 16, 3))
    networks = build_networks(strided, teacher)
    assert networks.by_name["student"].get_layer("stem").strides == (2, 2)
    strided = with_options(config(student_file), networks={"student_stride": 2})
    with pytest.raises(RequestError, match="`student_stride` .* Expected 0 for a student from a f"):
        build_networks(strided, network())


def test_networks_run_fused_in_the_policy_and_return_float32(mosaic):
    distiller, _ = mosaic
    for name in distiller.networks:
        norms = of_type(layers.BatchNormalization, getattr(distiller, name))
        assert {type(norm) for norm in norms} == {FusedBatchNormalization}
        assert {norm.compute_dtype for norm in norms} == {"bfloat16"}
    assert is_inference_copy(distiller.teacher)  # its normalizations are folded
    (convolution,) = of_type(layers.Conv2D, distiller.teacher)
    assert convolution.compute_dtype == "bfloat16"
    for name in ("teacher", *distiller.networks):
        assert getattr(distiller, name).outputs[0].dtype == "float32"


def test_networks_before_training_are_float32_of_built_in_layers(student_file):
    networks = build_networks(config(student_file), network())
    assert list(networks.by_name) == ["student", "generator", "discriminator"]
    for model in networks.by_name.values():
        assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}
        assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)


def test_the_distiller_starts_with_the_weights_of_the_networks(student_file):
    networks = build_networks(config(student_file), teacher := network())
    distiller = build_distiller(networks, teacher, "float32")
    for name, model in networks.by_name.items():
        assert getattr(distiller, name) is not model
        assert tiny.same_bits(tiny.values(getattr(distiller, name)), tiny.values(model))


def test_a_student_by_name_has_the_teachers_statistics_and_classes():
    distiller = build(config("wrn10_1", method=KD), network())
    assert isinstance(distiller, KnowledgeDistiller)
    assert distiller.networks == ("student",)
    assert distiller.student.name == "wrn10_1"
    assert distiller.student.output_shape == (None, 10)
    mean, std = models.input_statistics(distiller.student)
    np.testing.assert_allclose(mean, MEAN, rtol=1e-6)
    np.testing.assert_allclose(std, STD, rtol=1e-6)


def test_a_student_from_a_file_starts_with_its_weights(student_file):
    distiller = build(config(student_file, method=KD), network())
    expected = models.load_classifier(student_file)
    assert tiny.same_bits(tiny.values(expected), tiny.values(distiller.student))


def test_with_crops_the_discriminator_takes_one_crop(student_file):
    distiller = build(config(student_file, patch_crops=3), network())
    assert distiller.discriminator.input_shape == (None, 5, 5, 3)
    assert distiller.discriminator.output_shape == (None, 1, 1, 1)
    assert distiller.patch_crops == 3


@pytest.mark.parametrize("method", ["fitnet", "crd", "sskd"])
def test_heads_are_built_with_the_method_and_learn_with_the_student(method):
    requested = config("wrn10_1", method=MethodConfig(method=method), run=RunConfig(seed=1))
    distiller, again = (
        build(requested, tiny.classifier(), "mixed_bfloat16", num_images=6) for _ in range(2)
    )
    assert tiny.same_bits(tiny.values(distiller.heads), tiny.values(again.heads))
    learning = [*distiller.student.trainable_variables, *distiller.heads.trainable_variables]
    assert len(distiller.student_optimizer.velocities) == len(learning)
    assert distiller.heads.layers[-1].dtype_policy.name == "mixed_bfloat16"


@pytest.mark.parametrize("method", ["fitnet", "crd", "sskd"])
def test_heads_do_not_depend_on_what_runs_before_the_distiller_is_built(method):
    requested = config("wrn10_1", method=MethodConfig(method=method))
    teacher = tiny.classifier()
    networks = build_networks(requested, teacher, num_images=6)
    distiller = build_distiller(networks, teacher, "float32")
    build_networks(config(run=RunConfig(seed=3)), teacher)
    random.random()
    again = build_distiller(networks, teacher, "float32")
    assert tiny.same_bits(tiny.values(distiller.heads), tiny.values(again.heads))
    if method == "crd":
        np.testing.assert_array_equal(distiller.student_bank, again.student_bank)


def test_a_method_that_remembers_images_receives_their_number():
    requested = config("wrn10_1", method=MethodConfig(method="crd"))
    distiller = build(requested, tiny.classifier(), num_images=6)
    assert distiller.student_bank.shape == (6, 128)
    assert distiller.negatives == 5
    assert "`num_images`" in refusal(build_networks, requested, tiny.classifier())
    networks = build_networks(requested, teacher := tiny.classifier(), num_images=6)
    distiller = build_distiller(networks, teacher, "float32", num_images=4)  # of a subset
    assert distiller.student_bank.shape == (4, 128)


def test_the_seed_fixes_the_weights_of_all_networks(student_file):
    def weights(seed):
        distiller = build(config(student_file, run=RunConfig(seed=seed)), teacher)
        return [tiny.values(distiller.generator), tiny.values(distiller.discriminator)]

    teacher = network()
    one, again, other = weights(1), weights(1), weights(2)
    assert all(tiny.same_bits(a, b) for a, b in zip(one, again, strict=True))
    assert not any(tiny.same_bits(a, b) for a, b in zip(one, other, strict=True))


def test_a_method_builds_its_own_further_networks(student_file):
    requested = config(student_file, method=MethodConfig(method="deep_inversion"))
    assert list(build_networks(requested, network()).by_name) == ["student"]
    distiller = build(requested, network(), "mixed_bfloat16")
    assert distiller.networks == ("student", "pixels")
    assert models.parameters(distiller.pixels) == 4 * 8 * 8 * 3
    assert distiller.pixels.unit_images().dtype == "float32"


def test_a_student_of_ood_images_alone_gets_as_many_as_of_both_kinds(student_file):
    for kind, factor in (("both", 1), ("synthetic", 1), ("ood", 2)):
        requested = config(student_file, methods={"mosaic": MosaicConfig(student_images=kind)})
        distiller = build(requested, network())
        assert (distiller.config.student_images, distiller.transfer_factor) == (kind, factor)


# Rates


def test_the_rates_decay_over_the_rounds(mosaic):
    """Cosine: whole at the first of ten rounds, half at the sixth, none after the last."""
    distiller, _ = mosaic
    np.testing.assert_allclose(student_rates(distiller), [0.1, 0.05, 0.0], atol=1e-8)
    for optimizer in (distiller.generator_optimizer, distiller.discriminator_optimizer):
        rates = [float(optimizer._learning_rate(step)) for step in (0, 5, 10)]
        np.testing.assert_allclose(rates, [1e-3, 5e-4, 0.0], atol=1e-9)


@pytest.mark.parametrize("tuned, expected", [(0.02, 0.02), (0.0, 0.1)])
def test_a_baseline_has_the_rate_of_baselines(student_file, tuned, expected):
    requested = config(student_file, method=MethodConfig(baseline_learning_rate=tuned))
    distiller = build(as_baseline(requested, "kd"), network())
    assert isinstance(distiller, KnowledgeDistiller)
    np.testing.assert_allclose(student_rates(distiller), [expected, expected / 2, 0], atol=1e-8)


# Refusals


@pytest.mark.parametrize("method", ["mosaic", "kd"])
@pytest.mark.parametrize(
    "num_classes, shape, error",
    [(7, (8, 8, 3), "other outputs"), (10, (12, 12, 3), "other images")],
)
def test_a_student_that_does_not_fit_the_teacher_is_refused(
    student_file, method, num_classes, shape, error
):
    requested = config(student_file, shape[0], method=MethodConfig(method=method))
    assert error in refusal(build_networks, requested, network(num_classes, shape))


def test_a_patch_larger_than_the_image_is_refused(student_file):
    message = refusal(build_networks, config(student_file, patch_size=9), network())
    assert "`patch_size`" in message and "8" in message and "9" in message


def test_networks_of_oblong_images_of_odd_sides_fit_together():
    requested = config(image_size=(11, 14), patch_size=0, student="wrn10_1")
    networks = build_networks(requested, network(shape=(11, 14, 3))).by_name
    assert networks["generator"].output_shape == (None, 11, 14, 3)
    assert networks["student"].input_shape == (None, 11, 14, 3)
    assert patch_size_of(requested) == 10
