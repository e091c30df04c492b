"""Claims about every method: who is updated, what is reported, resumption, XLA, options."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.config import DistillConfig, OptimizationConfig, RunConfig
from mosaickd_tf.config.method import OOD_IMAGES
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.dafl import DaflConfig
from mosaickd_tf.methods.deep_inversion import DeepInversionConfig
from mosaickd_tf.methods.dfq import DfqConfig
from mosaickd_tf.methods.sskd import rotations
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny
from tests.methods import harness

GENERATIVE = [name for name, x in METHODS.items() if x.method.synthetic_images == "generator"]
SYNTHETIC_ONLY = [name for name in GENERATIVE if name != "mosaic"]
DATA_FREE = [name for name, kind in METHODS.items() if OOD_IMAGES not in kind.method.needs]
# Kept beside networks, optimizers, round and means.
FURTHER_STATE = {
    "crd": {"student_bank", "teacher_bank", "log_normalizers"},
    "deep_inversion": {"bank"},
}
# Two rounds end a batch of pixels, four replace images of the bank.
CONFIGS = {"deep_inversion": DeepInversionConfig(steps=2, bank=6)}


def build(name, **arguments):
    return harness.build(name, **{"config": CONFIGS.get(name), "seed": 2} | arguments)


def update_student(distiller):
    """Updates the student once as the method's round does."""
    arguments = (
        {"index": tf.constant([1, 8, 3, 0]), "k": 0} if distiller.method.name == "crd" else {}
    )
    images = tf.constant(harness.IMAGES)
    distiller.update_student(
        rotations(images) if distiller.method.name == "sskd" else images, **arguments
    )


# Updates.


@pytest.mark.parametrize("name", METHODS)
def test_rounds_change_every_network_and_leave_the_teacher_bit_for_bit(name):
    distiller = build(name)  # of sskd one round of each phase
    changed = harness.changed(distiller, lambda: [harness.run_round(distiller) for _ in range(2)])
    assert {network for network, part in changed if part != "optimizer"} == set(distiller.networks)
    assert int(distiller.rounds_completed) == 2


@pytest.mark.parametrize("name", METHODS)
def test_an_update_of_the_student_changes_what_learns_with_it_and_nothing_else(name):
    distiller = build(name)
    changed = harness.changed(distiller, lambda: update_student(distiller))
    learning = {network for network, part in changed if part != "optimizer"}
    assert learning == set(distiller.trained_with_student)
    assert {network for network, part in changed if part == "optimizer"} == {"student"}


@pytest.mark.parametrize("name", SYNTHETIC_ONLY)
def test_an_update_of_the_generator_changes_at_most_statistics_of_the_student(name, monkeypatch):
    distiller = build(name)
    monkeypatch.setattr(distiller, "update_student", lambda *_: None)
    changed = harness.changed(distiller, lambda: distiller.train_step(harness.batch()))
    student = {("student", "statistics")} if name in ("dfq", "zskt") else set()
    assert changed == harness.all_of("generator") | student


@pytest.mark.parametrize("name", METHODS)
def test_each_network_of_its_own_has_an_optimizer(name):
    distiller = build(name)
    own = [
        x for x in distiller.networks if x == "student" or x not in distiller.trained_with_student
    ]
    assert distiller.optimizers == [getattr(distiller, f"{network}_optimizer") for network in own]
    assert distiller.optimizer is None
    assert set(distiller.gradient_norms) == {
        f"gradient_norm_{network}" for network in distiller.networks
    }


@pytest.mark.parametrize("name", METHODS)
def test_compile_without_optimizers_takes_the_published_ones(name):
    distiller = build(name)
    distiller.compile()
    student, *others = distiller.optimizers
    assert isinstance(student, MomentumSGD) and (student.momentum, student.l2) == (0.9, 1e-4)
    np.testing.assert_allclose(float(student.learning_rate), 0.1, rtol=1e-6)
    expected = {"teacher_head": 0.05, "pixels": 0.1}  # else of the generator's recipe
    for network, optimizer in zip(distiller.networks[1:], others, strict=False):
        rate = float(optimizer.learning_rate)
        if network != "heads":
            np.testing.assert_allclose(rate, expected.get(network, 1e-3), rtol=1e-6)


# Reports.


@pytest.mark.parametrize("name", METHODS)
def test_a_round_is_one_graph_and_reports_the_declared_terms_in_order(name):
    terms = harness.run_rounds(build(name), 2)  # traced once
    assert list(terms) == [term.name for term in METHODS[name].method.terms]
    assert np.isfinite(list(terms.values())).all()


@pytest.mark.parametrize("name", METHODS)
def test_every_declared_term_is_recorded(name):
    config = CONFIGS.get(name)
    if name == "deep_inversion":
        config = dataclasses.replace(config, norm_weight=0.1)
    distiller = build(name, config=config)
    harness.run_round(distiller)
    counts = {x: float(mean.count) for x, mean in distiller.term_means.items()}
    harness.run_round(distiller)  # of sskd the second phase
    for term, mean in distiller.term_means.items():
        counts[term] += float(mean.count)
    assert min(counts.values()) > 0


# Images.


@pytest.mark.parametrize("name", DATA_FREE)
def test_the_images_of_the_stream_are_not_used_by_methods_that_need_none(name):
    terms = []
    for shade in (0.0, 1.0):
        distiller = build(name)
        batch = {x: np.full_like(y, shade) for x, y in tiny.batch(student_steps=1).items()}
        terms.append({x: float(y) for x, y in distiller.train_step(batch).items()})
    assert terms[0] == pytest.approx(terms[1], rel=1e-6)


@pytest.mark.parametrize("name", SYNTHETIC_ONLY)
def test_the_student_sees_fresh_synthetic_images_and_no_others(name, monkeypatch):
    distiller, seen = build(name), []
    monkeypatch.setattr(distiller, "update_student", lambda images, *_: seen.append(images.numpy()))
    batch = tiny.batch(student_steps=3)
    distiller.train_step(batch)
    assert [images.shape for images in seen] == [(tiny.BATCH_SIZE, *tiny.IMAGE_SHAPE)] * 3
    assert not np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[1], seen[2])
    given = {image.tobytes() for image in batch["transfer_images"].reshape(-1, *tiny.IMAGE_SHAPE)}
    assert not given & {image.tobytes() for images in seen for image in images}


@pytest.mark.parametrize("name", METHODS)
def test_samples_exist_where_declared_are_the_same_each_time_and_change_nothing(name):
    distiller = build(name)
    if METHODS[name].method.synthetic_images is None:
        assert distiller.samples(3) is None
        return
    samples = []
    changed = harness.changed(
        distiller, lambda: samples.extend(distiller.samples(3) for _ in range(2))
    )
    assert samples[0].shape == (3, *tiny.IMAGE_SHAPE) and not changed
    np.testing.assert_array_equal(*samples)


@pytest.mark.parametrize("name", GENERATIVE)
def test_a_generator_of_another_image_size_is_refused(name):
    networks = harness.networks(name)
    networks["generator"] = tiny.plain_networks(image_size=12)["generator"]
    with pytest.raises(RequestError, match=r"\(8, 8, 3\)\. Received: \(12, 12, 3\)") as caught:
        METHODS[name](**networks)
    assert len(str(caught.value).splitlines()) == 1


# State.


@pytest.mark.parametrize("name", METHODS)
def test_a_checkpoint_holds_networks_optimizers_round_and_means_but_no_teacher(name):
    distiller = build(name)
    own = [x for x in distiller.networks if hasattr(distiller, f"{x}_optimizer")]
    expected = {"rounds", "means", *distiller.networks, *(f"{x}_optimizer" for x in own)}
    assert set(distiller.state()) == expected | FURTHER_STATE.get(name, set())


@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(name, tmp_path):
    """Stopped after the first round: within a batch of pixels, and a phase of sskd."""
    arguments = {"teacher_rounds": 2} if name == "sskd" else {}
    samples = []

    def make(seed):
        distiller = build(name, **arguments)
        teacher = {id(variable) for variable in distiller.teacher.variables}
        for variable in distiller.variables:  # as if built from another seed
            if seed and id(variable) not in teacher and variable.dtype == "float32":
                variable.assign(variable + 0.5)
        samples.append(distiller.samples)
        return distiller

    whole, resumed = harness.resumed(make, tmp_path)
    assert tiny.same_bits(whole, resumed)
    if METHODS[name].method.synthetic_images:
        np.testing.assert_array_equal(*(sample(7) for sample in samples))


# XLA.


@pytest.mark.slow  # XLA takes its time to compile a round
@pytest.mark.parametrize("name", [x for x in METHODS if x not in ("crd", "kd", "mosaic")])
def test_xla_runs_the_rounds_that_plain_graphs_run(name):
    """Of the others their own tests show it."""
    plain, compiled = (harness.run_rounds(build(name, jit_compile=jit), 3) for jit in (False, True))
    assert compiled == pytest.approx(plain, rel=1e-3, abs=1e-4)


# Options.


@pytest.mark.parametrize("name", [x for x, kind in METHODS.items() if kind.method.config])
def test_the_method_s_options_reach_the_distiller(name):
    section = METHODS[name].method.config
    field = dataclasses.fields(section)[0]
    value = field.default + 1 if isinstance(field.default, int) else 0.5 * field.default + 0.15
    config = DistillConfig(methods={name: section(**{field.name: value})})
    arguments = METHODS[name].arguments(config, num_images=9)
    assert getattr(arguments["config"], field.name) == value != field.default
    assert METHODS[name].arguments(DistillConfig())["config"] == section()


@pytest.mark.parametrize("name", METHODS)
def test_options_of_all_methods_reach_the_distiller(name):
    config = DistillConfig(
        optimization=OptimizationConfig(temperature=3.0, batch_size=4),
        run=RunConfig(seed=5, on_divergence="skip"),
    )
    arguments = METHODS[name].arguments(config, num_images=9)
    distiller = METHODS[name](**harness.networks(name, plain=False), **arguments)
    assert (distiller.temperature, distiller.seed, distiller.skip_nonfinite) == (3.0, 5, True)
    assert distiller.config == (METHODS[name].method.config and METHODS[name].method.config())


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("dafl", DaflConfig(one_hot_weight=0, activation_weight=0, balance_weight=0)),
        (
            "dfq",
            DfqConfig(
                adversarial_weight=0, statistics_weight=0, entropy_weight=0, balance_weight=0
            ),
        ),
    ],
)
def test_a_generator_without_a_loss_is_refused(name, config):
    with pytest.raises(RequestError, match="weight above 0 of .*Received: 0 for all") as caught:
        build(name, config=config)
    assert len(str(caught.value).splitlines()) == 1
    assert f"`{name}_balance_weight`" in str(caught.value)


def test_dafl_s_statistics_term_alone_is_enough_of_a_loss():
    config = DaflConfig(one_hot_weight=0, activation_weight=0, balance_weight=0)
    terms = harness.run_round(build("dafl", config=config, statistics_weight=1.0))
    assert terms["statistics_loss"] > 0
