"""Updates of the base: what moves, norms of gradients, optimizers, skipped updates, float16."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.config.method import Method
from mosaickd_tf.config.terms import DISTILLATION
from mosaickd_tf.methods import KnowledgeDistiller
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.models import training_copy
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny

IMAGES = np.random.RandomState(9).uniform(size=(8, 8, 8, 3)).astype("float32")


@pytest.fixture
def pair():
    """A teacher and a student of 5 classes, of other weights each."""
    networks = tiny.plain_networks()
    return {name: networks[name] for name in ("teacher", "student")}


@pytest.fixture
def distiller(pair):
    return compiled(pair, temperature=2.0, seed=7)


def compiled(pair, **arguments):
    distiller = KnowledgeDistiller(**pair, **arguments)
    distiller.compile(student_optimizer=MomentumSGD(0.1))
    return distiller


def test_an_update_moves_the_student_and_leaves_the_teacher_bit_for_bit(distiller):
    teacher, student = tiny.values(distiller.teacher), tiny.values(distiller.student)
    distiller.update_student(IMAGES)
    assert tiny.same_bits(teacher, tiny.values(distiller.teacher))
    moved = [
        old.tobytes() != new.tobytes()
        for old, new in zip(student, tiny.values(distiller.student), strict=True)
    ]
    assert all(moved)


def test_a_student_of_float16_alone_learns(pair):
    hidden = [keras.layers.Flatten(dtype="float16"), keras.layers.Dense(5, dtype="float16")]
    student = keras.Sequential([keras.Input((8, 8, 3)), *hidden])
    distiller = compiled(pair | {"student": student})
    before = tiny.values(student)
    distiller.update_student(IMAGES)
    assert {value.dtype for value in before} == {np.dtype("float16")}
    assert distiller.skipped_updates == 0 and not tiny.same_bits(before, tiny.values(student))


def test_updates_bring_the_student_closer_to_the_teacher(distiller):
    for _ in range(8):
        distiller.update_student(IMAGES)
    after = float(distiller.term_means["distillation_loss"].result())
    distiller.reset_metrics()
    distiller.update_student(IMAGES)
    assert float(distiller.term_means["distillation_loss"].result()) < after


def test_the_recorded_loss_is_that_before_the_update_at_the_given_temperature(distiller):
    teacher = distiller.teacher(IMAGES, training=False)
    student = distiller.student(IMAGES, training=True)
    expected = losses.distillation_loss(teacher, student, 2.0)
    distiller.update_student(IMAGES)
    reported = distiller.term_means["distillation_loss"].result()
    np.testing.assert_allclose(reported, expected, rtol=1e-5)


def test_students_of_this_package_learn_as_those_of_others_do():
    distiller = KnowledgeDistiller(teacher=tiny.classifier(0), student=tiny.classifier(1))
    distiller.compile(student_optimizer=keras.optimizers.Adam(1e-2))
    teacher, student = tiny.values(distiller.teacher), tiny.values(distiller.student)
    distiller.update_student(IMAGES)
    assert tiny.same_bits(teacher, tiny.values(distiller.teacher))
    assert not tiny.same_bits(student, tiny.values(distiller.student))


def test_networks_whose_shapes_are_unknown_are_trained(pair):
    distiller = compiled({name: tiny.Subclassed(model) for name, model in pair.items()})
    before = tiny.values(distiller.student)
    distiller.update_student(IMAGES)
    assert not tiny.same_bits(before, tiny.values(distiller.student))


# Optimizers and checkpoints.


def test_compile_makes_the_published_student_optimizer_and_none_for_keras(pair):
    distiller = KnowledgeDistiller(**pair)
    distiller.compile()
    assert distiller.optimizer is None
    optimizer = distiller.student_optimizer
    assert distiller.optimizers == [optimizer]
    assert isinstance(optimizer, MomentumSGD)
    np.testing.assert_allclose(float(optimizer.learning_rate), 0.1, rtol=1e-6)
    assert (optimizer.momentum, optimizer.l2) == (0.9, 1e-4)


def test_compile_makes_the_optimizer_s_variables_before_the_first_update(pair):
    distiller = KnowledgeDistiller(**pair)
    distiller.compile()
    before = len(distiller.student_optimizer.variables)
    distiller.update_student(IMAGES)
    assert len(distiller.student_optimizer.variables) == before > 2


def test_xla_is_off_by_default_where_there_is_no_gpu(pair):
    distiller = KnowledgeDistiller(**pair)
    for given, expected in (("auto", bool(tf.config.list_physical_devices("GPU"))), (True, True)):
        distiller.compile(jit_compile=given)
        assert distiller.jit_compile is expected


def test_the_state_holds_the_student_its_optimizer_the_round_and_the_means(distiller):
    assert set(distiller.state()) == {"student", "student_optimizer", "rounds", "means"}


def restored(distiller, other, folder):
    """Brings another distiller to the state of the first through a checkpoint."""
    path = tf.train.Checkpoint(**distiller.state()).write(folder / "state")
    tf.train.Checkpoint(**other.state()).read(path).assert_consumed()
    return other


def test_means_of_terms_continue_from_a_checkpoint(distiller, pair, tmp_path):
    distiller.record("distillation_loss", 1.0)
    resumed = restored(distiller, compiled(pair), tmp_path)
    resumed.record("distillation_loss", 5.0)
    assert float(resumed.end_round()["distillation_loss"]) == 3.0


def test_norms_of_gradients_continue_from_a_checkpoint(distiller, pair, tmp_path):
    distiller.gradient_norms["gradient_norm_student"].update_state(1.0)
    resumed = restored(distiller, compiled(pair), tmp_path)
    resumed.gradient_norms["gradient_norm_student"].update_state(5.0)
    assert float(resumed.gradient_norms["gradient_norm_student"].result()) == 3.0


def test_the_number_of_skipped_updates_continues_from_a_checkpoint(pair, tmp_path):
    first, second = (compiled(pair, skip_nonfinite=True) for _ in range(2))
    first.update_student(IMAGES * np.float32("inf"))
    assert restored(first, second, tmp_path).skipped_updates == 1


# Norms of gradients.


def test_the_norm_of_a_gradient_is_the_mean_over_updates_since_the_last_reset(distiller):
    before = [v.numpy() for v in distiller.student.trainable_variables]
    norms = []
    for images in (IMAGES[:4], IMAGES[4:]):
        with tf.GradientTape() as tape:
            teacher = distiller.teacher(images, training=False)
            student = distiller.student(images, training=True)
            loss = losses.distillation_loss(teacher, student, 2.0)
        gradients = tape.gradient(loss, distiller.student.trainable_variables)
        norms.append(np.sqrt(sum(np.sum(g.numpy().astype("float64") ** 2) for g in gradients)))
        distiller.update_student(images)
        for variable, value in zip(distiller.student.trainable_variables, before, strict=True):
            variable.assign(value)
    (mean,) = distiller.gradient_norms.values()
    assert mean.name == "gradient_norm_student"
    np.testing.assert_allclose(mean.result(), np.mean(norms), rtol=1e-4)
    distiller.reset_metrics()
    assert float(mean.count) == 0


class WithHead(Distiller):
    """Learns a scale of its logits beside the student."""

    method = Method(
        name="with_head",
        distiller="WithHead",
        source="",
        networks=("student", "head"),
        terms=(DISTILLATION,),
    )
    trained_with_student = ("student", "head")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        classes = self.student.output_shape[-1]
        self.head = keras.Sequential([keras.Input((classes,)), keras.layers.Dense(classes)])

    def update_student(self, unit_images):
        """Updates the student and its head once."""
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.head(self.student(unit_images, training=True)))
        self.apply_gradients(tape, loss, "student")


def test_networks_that_learn_with_the_student_have_a_norm_each(pair):
    distiller = WithHead(**pair)
    distiller.compile(student_optimizer=MomentumSGD(0.1))
    assert len(distiller.optimizers) == 1 and not hasattr(distiller, "head_optimizer")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(distiller.head(distiller.student(IMAGES, training=True)))
    learning = distiller.student, distiller.head
    wanted = tape.gradient(loss, [network.trainable_variables for network in learning])
    before = distiller.head.get_weights()
    distiller.update_student(IMAGES)
    norms = {name: float(mean.result()) for name, mean in distiller.gradient_norms.items()}
    squares = [sum(np.sum(g.numpy().astype("float64") ** 2) for g in grads) for grads in wanted]
    assert norms == pytest.approx(
        dict(zip(["gradient_norm_student", "gradient_norm_head"], np.sqrt(squares), strict=True)),
        rel=1e-4,
    )
    assert not np.array_equal(before[0], distiller.head.get_weights()[0])


# Updates that are not finite.


def test_with_skip_nonfinite_an_update_that_is_not_finite_leaves_the_student_and_counts(pair):
    distiller = compiled(pair, skip_nonfinite=True)
    update = tf.function(distiller.update_student, autograph=False)
    update(IMAGES)
    loss = float(distiller.term_means["distillation_loss"].result())
    before = tiny.values(distiller.student)
    update(IMAGES * np.float32("nan"))
    assert tiny.same_bits(before, tiny.values(distiller.student))
    assert distiller.skipped_updates == 1
    assert float(distiller.term_means["distillation_loss"].result()) == loss
    assert np.isfinite(distiller.gradient_norms["gradient_norm_student"].result())
    update(IMAGES)
    assert not tiny.same_bits(before, tiny.values(distiller.student))


def test_with_skip_nonfinite_finite_updates_are_the_same(pair):
    start = pair["student"].get_weights()
    students = []
    for skip in (False, True):
        pair["student"].set_weights(start)
        distiller = compiled(pair, skip_nonfinite=skip)
        tf.function(distiller.update_student, autograph=False)(IMAGES)
        students.append(tiny.values(distiller.student))
        assert distiller.skipped_updates == 0
    assert tiny.same_bits(*students)


# Float16.


def low(pair):
    """Builds a distiller of the pair in float16."""
    return compiled({name: training_copy(x, "mixed_float16") for name, x in pair.items()})


def test_float16_gives_about_the_weights_and_the_norm_of_float32(pair):
    full, half = compiled({name: training_copy(x) for name, x in pair.items()}), low(pair)
    for distiller in (full, half):
        tf.function(distiller.update_student, autograph=False)(IMAGES)
    assert not full.loss_scales and set(half.loss_scales) == {"student"}
    for wanted, received in zip(tiny.values(full.student), tiny.values(half.student), strict=True):
        np.testing.assert_allclose(received, wanted, rtol=0.01, atol=2e-3)
    norms = [float(x.gradient_norms["gradient_norm_student"].result()) for x in (full, half)]
    assert norms[1] == pytest.approx(norms[0], rel=0.02)


def test_in_float16_an_overflow_leaves_the_student_and_halves_the_scale(pair):
    distiller = low(pair)
    distiller.loss_scales["student"].value.assign(2.0**127)
    before = tiny.values(distiller.student)[0]
    distiller.update_student(IMAGES)
    np.testing.assert_array_equal(tiny.values(distiller.student)[0], before)
    assert float(distiller.loss_scales["student"].value) == 2.0**126
    assert distiller.skipped_updates == 0


def test_the_scale_of_a_loss_continues_from_a_checkpoint(pair, tmp_path):
    first = low(pair)
    first.loss_scales["student"].value.assign(64.0)
    second = restored(first, low(pair), tmp_path)
    assert float(second.loss_scales["student"].value) == 64.0


def test_in_float16_a_loss_that_is_not_finite_is_reported_unless_it_may_be_skipped(pair):
    distiller = low(pair)
    distiller.update_student(IMAGES * np.float32("nan"))
    assert np.isnan(distiller.term_means["distillation_loss"].result())
