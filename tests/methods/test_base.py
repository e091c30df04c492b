"""The frame of all methods: who is frozen, who is moved, what is reported and compared."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.base import Distiller
from mosaickd_tf.models import training_copy
from mosaickd_tf.models.graph.activations import normalizations
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny

RNG = np.random.RandomState(9)
IMAGES = RNG.uniform(size=(8, 8, 8, 3)).astype("float32")


@pytest.fixture
def pair():
    """A teacher and a student of 5 classes, of other weights each."""
    players = tiny.plain_players()
    return {name: players[name] for name in ("teacher", "student")}


@pytest.fixture
def distiller(pair):
    made = Distiller(**pair, temperature=2.0, seed=7)
    made.compile(student_optimizer=MomentumSGD(0.1))
    return made


def test_the_teacher_is_frozen_and_the_student_is_not(pair):
    distiller = Distiller(**pair)
    assert distiller.teacher.trainable_variables == []
    assert distiller.trainable_variables == distiller.student.trainable_variables


def test_an_update_moves_the_student_and_leaves_the_teacher_bit_for_bit(distiller):
    teacher, student = tiny.values(distiller.teacher), tiny.values(distiller.student)
    distiller.update_student(IMAGES)
    assert tiny.same_bits(teacher, tiny.values(distiller.teacher))
    moved = [
        old.tobytes() != new.tobytes()
        for old, new in zip(student, tiny.values(distiller.student), strict=True)
    ]
    assert all(moved)


def test_the_teacher_is_asked_without_its_dropout(pair):
    inputs = keras.Input((8, 8, 3))
    dropped = keras.layers.Dropout(0.9)(inputs)
    distiller = Distiller(
        teacher=keras.Model(inputs, pair["teacher"](dropped)), student=pair["student"]
    )
    distiller.compile(student_optimizer=MomentumSGD(0.0))  # the student stays, so the loss does
    reports = []
    for _ in range(3):
        distiller.reset_metrics()
        distiller.update_student(IMAGES)
        reports.append(float(distiller.trackers["distillation_loss"].result()))
    assert reports == pytest.approx([reports[0]] * 3, rel=1e-5)


def test_rounds_ask_the_teacher_folded_unless_its_layers_are_watched(distiller, pair):
    distiller.make_train_function()
    asked = distiller.teacher_capture.model
    assert normalizations(pair["teacher"]) and not normalizations(asked)
    np.testing.assert_allclose(asked(IMAGES), pair["teacher"](IMAGES), rtol=1e-4, atol=1e-5)
    names = {f"{name}_layers": [pair[name].layers[2].name] for name in pair}
    watching = Distiller(**pair, **names)
    watching.compile()
    watching.make_train_function()
    assert watching.teacher_capture.model is pair["teacher"]


@pytest.mark.parametrize("how", ["compile", "force"])
def test_a_teacher_of_other_weights_is_asked_after_compile_or_force(distiller, pair, how):
    distiller.make_train_function()
    first = distiller.teacher_capture.model
    pair["teacher"].set_weights([0.5 * array for array in pair["teacher"].get_weights()])
    distiller.make_train_function()
    assert distiller.teacher_capture.model is first
    if how == "compile":
        distiller.compile()
        assert distiller.teacher_capture.model is pair["teacher"]
    distiller.make_train_function(force=how == "force")
    asked = distiller.teacher_capture.model
    assert asked is not pair["teacher"]
    np.testing.assert_allclose(asked(IMAGES), pair["teacher"](IMAGES), rtol=1e-4, atol=1e-5)


def test_of_the_same_weights_the_copy_made_anew_is_the_same(distiller):
    distiller.make_train_function()
    first = distiller.teacher_capture.model
    distiller.make_train_function(force=True)
    again = distiller.teacher_capture.model
    assert again is not first and tiny.same_bits(tiny.values(first), tiny.values(again))
    np.testing.assert_array_equal(first(IMAGES), again(IMAGES))


def test_a_student_of_float16_alone_learns(pair):
    hidden = [keras.layers.Flatten(dtype="float16"), keras.layers.Dense(5, dtype="float16")]
    student = keras.Sequential([keras.Input((8, 8, 3)), *hidden])
    made = Distiller(teacher=pair["teacher"], student=student)
    made.compile(student_optimizer=MomentumSGD(0.1))
    before = tiny.values(student)
    made.update_student(IMAGES)
    assert {value.dtype for value in before} == {np.dtype("float16")}
    assert made.skipped_updates == 0 and not tiny.same_bits(before, tiny.values(student))


def test_updates_bring_the_student_closer_to_the_teacher(distiller):
    for _ in range(8):
        distiller.update_student(IMAGES)
    after = float(distiller.trackers["distillation_loss"].result())
    distiller.reset_metrics()
    distiller.update_student(IMAGES)
    assert float(distiller.trackers["distillation_loss"].result()) < after


def test_the_loss_reported_is_that_before_the_update_at_the_temperature_given(distiller):
    teacher = distiller.teacher(IMAGES, training=False)
    student = distiller.student(IMAGES, training=True)
    expected = losses.distillation_loss(teacher, student, 2.0)
    distiller.update_student(IMAGES)
    reported = distiller.trackers["distillation_loss"].result()
    np.testing.assert_allclose(reported, expected, rtol=1e-5)


def test_reported_terms_are_means_since_the_last_reset(distiller):
    for value in (1.0, 2.0, 6.0):
        distiller.report(distillation_loss=value)
    assert float(distiller.end_round()["distillation_loss"]) == 3.0
    distiller.reset_metrics()
    distiller.report(distillation_loss=5.0)
    assert float(distiller.end_round()["distillation_loss"]) == 5.0


def test_rounds_are_counted_and_seeds_are_of_the_round_and_the_purpose(distiller):
    assert distiller.stateless_seed(3).numpy().tolist() == [7, 3]
    distiller.end_round()
    distiller.end_round()
    assert int(distiller.rounds_played) == 2
    assert distiller.stateless_seed(3).numpy().tolist() == [7, 2003]


def test_the_count_of_rounds_is_no_weight_to_learn(distiller):
    assert all(distiller.rounds_played is not v for v in distiller.trainable_variables)


def test_prediction_with_a_distiller_is_prediction_with_its_student(distiller):
    np.testing.assert_array_equal(distiller(IMAGES), distiller.student(IMAGES, training=False))


def test_evaluation_compares_the_student_with_labels_and_with_the_teacher(distiller):
    student = np.argmax(distiller.student(IMAGES, training=False), axis=-1)
    teacher = np.argmax(distiller.teacher(IMAGES, training=False), axis=-1)
    labels = np.where(np.arange(8) < 3, student, (student + 1) % 5)
    results = distiller.evaluate(IMAGES, labels, batch_size=5, verbose=0, return_dict=True)
    assert results["accuracy"] == pytest.approx(3 / 8)
    assert results["agreement"] == pytest.approx(np.mean(student == teacher))


def test_a_student_with_the_teacher_s_weights_agrees_with_it_everywhere(distiller):
    distiller.student.set_weights(distiller.teacher.get_weights())
    results = distiller.test_step((IMAGES, np.zeros(8)))
    assert float(results["agreement"]) == 1.0


def test_evaluation_moves_nothing(distiller):
    before = tiny.values(distiller.student) + tiny.values(distiller.teacher)
    distiller.evaluate(IMAGES, np.zeros(8), verbose=0)
    assert tiny.same_bits(before, tiny.values(distiller.student) + tiny.values(distiller.teacher))


def test_compile_makes_the_published_student_optimizer_and_none_that_nobody_asked_for(pair):
    distiller = Distiller(**pair)
    distiller.compile()
    assert distiller.optimizer is None
    optimizer = distiller.student_optimizer
    assert isinstance(optimizer, MomentumSGD)
    np.testing.assert_allclose(float(optimizer.learning_rate), 0.1, rtol=1e-6)
    assert (optimizer.momentum, optimizer.l2) == (0.9, 1e-4)


def test_compile_makes_the_optimizer_s_variables_before_the_first_update(pair):
    distiller = Distiller(**pair)
    distiller.compile()
    before = len(distiller.student_optimizer.variables)
    distiller.update_student(IMAGES)
    assert len(distiller.student_optimizer.variables) == before > 2


def test_xla_is_off_by_default_where_there_is_no_gpu(pair):
    distiller = Distiller(**pair)
    for given, expected in (("auto", bool(tf.config.list_physical_devices("GPU"))), (True, True)):
        distiller.compile(jit_compile=given)
        assert distiller.jit_compile is expected


def test_the_state_holds_the_student_its_optimizer_the_round_and_the_means(distiller):
    assert set(distiller.state()) == {"student", "student_optimizer", "rounds", "means"}


def test_means_of_terms_go_on_where_a_checkpoint_left_them(distiller, pair, tmp_path):
    distiller.report(distillation_loss=1.0)
    path = tf.train.Checkpoint(**distiller.state()).write(tmp_path / "state")
    resumed = Distiller(**pair)
    resumed.compile(student_optimizer=MomentumSGD(0.1))
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    resumed.report(distillation_loss=5.0)
    assert float(resumed.end_round()["distillation_loss"]) == 3.0


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
    (tracker,) = distiller.gradient_norms.values()
    assert tracker.name == "gradient_norm_student"
    np.testing.assert_allclose(tracker.result(), np.mean(norms), rtol=1e-4)
    distiller.reset_metrics()
    assert float(tracker.count) == 0


class WithHead(Distiller):
    """Learns a scale of its logits beside the student."""

    players = ("student", "head")
    trained_with_student = ("student", "head")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        classes = self.student.output_shape[-1]
        self.head = keras.Sequential([keras.Input((classes,)), keras.layers.Dense(classes)])

    def student_loss(self, teacher, student):
        loss = tf.reduce_sum(self.head(student.logits))
        self.report(distillation_loss=loss)
        return loss


def test_networks_that_learn_with_the_student_have_a_norm_each(pair):
    distiller = WithHead(**pair)
    distiller.compile(student_optimizer=MomentumSGD(0.1))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(distiller.head(distiller.student(IMAGES, training=True)))
    moved = distiller.student, distiller.head
    wanted = tape.gradient(loss, [network.trainable_variables for network in moved])
    before = distiller.head.get_weights()
    distiller.update_student(IMAGES)
    norms = {name: float(mean.result()) for name, mean in distiller.gradient_norms.items()}
    squares = [sum(np.sum(g.numpy().astype("float64") ** 2) for g in grads) for grads in wanted]
    assert norms == pytest.approx(
        dict(zip(["gradient_norm_student", "gradient_norm_head"], np.sqrt(squares), strict=True)),
        rel=1e-4,
    )
    assert not np.array_equal(before[0], distiller.head.get_weights()[0])


def test_norms_of_gradients_go_on_where_a_checkpoint_left_them(distiller, pair, tmp_path):
    distiller.gradient_norms["gradient_norm_student"].update_state(1.0)
    path = tf.train.Checkpoint(**distiller.state()).write(tmp_path / "state")
    resumed = Distiller(**pair)
    resumed.compile(student_optimizer=MomentumSGD(0.1))
    tf.train.Checkpoint(**resumed.state()).read(path).assert_consumed()
    resumed.gradient_norms["gradient_norm_student"].update_state(5.0)
    assert float(resumed.gradient_norms["gradient_norm_student"].result()) == 3.0


def test_asked_to_skip_an_update_that_is_not_finite_leaves_the_student_and_is_counted(pair):
    distiller = Distiller(**pair, skip_nonfinite=True)
    distiller.compile(student_optimizer=MomentumSGD(0.1))
    update = tf.function(distiller.update_student, autograph=False)
    update(IMAGES)
    loss = float(distiller.trackers["distillation_loss"].result())
    before = tiny.values(distiller.student)
    update(IMAGES * np.float32("nan"))
    assert tiny.same_bits(before, tiny.values(distiller.student))
    assert distiller.skipped_updates == 1
    assert float(distiller.trackers["distillation_loss"].result()) == loss
    assert np.isfinite(distiller.gradient_norms["gradient_norm_student"].result())
    update(IMAGES)
    assert not tiny.same_bits(before, tiny.values(distiller.student))


def test_what_was_skipped_goes_on_where_a_checkpoint_left_it(pair, tmp_path):
    made = []
    for _ in range(2):
        made.append(Distiller(**pair, skip_nonfinite=True))
        made[-1].compile(student_optimizer=MomentumSGD(0.1))
    made[0].update_student(IMAGES * np.float32("inf"))
    path = tf.train.Checkpoint(**made[0].state()).write(tmp_path / "state")
    tf.train.Checkpoint(**made[1].state()).read(path).assert_consumed()
    assert made[1].skipped_updates == 1


def test_asked_to_skip_updates_that_are_finite_are_the_same(pair):
    students = []
    for skip in (False, True):
        start = [w.copy() for w in students[0][0]] if students else pair["student"].get_weights()
        pair["student"].set_weights(start)
        distiller = Distiller(**pair, skip_nonfinite=skip)
        distiller.compile(student_optimizer=MomentumSGD(0.1))
        tf.function(distiller.update_student, autograph=False)(IMAGES)
        students.append((start, tiny.values(distiller.student)))
        assert distiller.skipped_updates == 0
    assert tiny.same_bits(students[0][1], students[1][1])


def low(pair):
    """A distiller of the pair in float16."""
    made = Distiller(**{name: training_copy(x, "mixed_float16") for name, x in pair.items()})
    made.compile(student_optimizer=MomentumSGD(0.1))
    return made


def test_float16_gives_about_the_weights_and_the_norm_of_float32(pair):
    full = Distiller(**{name: training_copy(model) for name, model in pair.items()})
    full.compile(student_optimizer=MomentumSGD(0.1))
    half = low(pair)
    for made in (full, half):
        tf.function(made.update_student, autograph=False)(IMAGES)
    assert not full.loss_scales and set(half.loss_scales) == {"student"}
    for wanted, received in zip(tiny.values(full.student), tiny.values(half.student), strict=True):
        np.testing.assert_allclose(received, wanted, rtol=0.01, atol=2e-3)
    norms = [float(x.gradient_norms["gradient_norm_student"].result()) for x in (full, half)]
    assert norms[1] == pytest.approx(norms[0], rel=0.02)


def test_in_float16_an_overflow_leaves_the_student_and_halves_the_scale(pair):
    made = low(pair)
    made.loss_scales["student"].value.assign(2.0**127)
    before = tiny.values(made.student)[0]
    made.update_student(IMAGES)
    np.testing.assert_array_equal(tiny.values(made.student)[0], before)
    assert float(made.loss_scales["student"].value) == 2.0**126
    assert made.skipped_updates == 0


def test_the_scale_of_a_loss_comes_back_from_a_checkpoint(pair, tmp_path):
    first, second = low(pair), low(pair)
    first.loss_scales["student"].value.assign(64.0)
    path = tf.train.Checkpoint(**first.state()).write(tmp_path / "state")
    tf.train.Checkpoint(**second.state()).read(path).assert_consumed()
    assert float(second.loss_scales["student"].value) == 64.0


def test_in_float16_a_loss_that_is_not_finite_is_reported_unless_it_may_be_skipped(pair):
    made = low(pair)
    made.update_student(IMAGES * np.float32("nan"))
    assert np.isnan(made.trackers["distillation_loss"].result())


def test_a_frame_without_a_method_says_so(distiller):
    with pytest.raises(NotImplementedError, match="Distiller does not say"):
        distiller.train_step(tiny.batch())


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_that_is_not_positive_is_refused(pair, temperature):
    with pytest.raises(RequestError, match=f"positive. Received: {temperature}"):
        Distiller(**pair, temperature=temperature)


@pytest.mark.parametrize(
    ("other", "what"),
    [({"num_classes": 9}, "output"), ({"input_shape": (12, 12, 3)}, "input"),
     ({"input_shape": (8, 8, 1)}, "input")],
)  # fmt: skip
def test_a_teacher_and_a_student_of_other_shapes_are_refused(other, what):
    with pytest.raises(RequestError, match=f"same {what} shape") as caught:
        Distiller(teacher=tiny.classifier(), student=tiny.classifier(**other))
    assert len(str(caught.value).splitlines()) == 1


def test_students_of_this_package_learn_as_those_of_others_do():
    distiller = Distiller(teacher=tiny.classifier(0), student=tiny.classifier(1))
    distiller.compile(student_optimizer=keras.optimizers.Adam(1e-2))
    teacher, student = tiny.values(distiller.teacher), tiny.values(distiller.student)
    distiller.update_student(IMAGES)
    assert tiny.same_bits(teacher, tiny.values(distiller.teacher))
    assert not tiny.same_bits(student, tiny.values(distiller.student))


def test_players_whose_shapes_are_unknown_are_trusted(pair):
    distiller = Distiller(**{name: tiny.Subclassed(model) for name, model in pair.items()})
    distiller.compile(student_optimizer=MomentumSGD(0.1))
    before = tiny.values(distiller.student)
    distiller.update_student(IMAGES)
    assert not tiny.same_bits(before, tiny.values(distiller.student))


@pytest.mark.parametrize("name", ["teacher", "student"])
def test_a_player_without_variables_yet_is_refused_by_its_name(pair, name):
    unbuilt = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(5)])
    with pytest.raises(RequestError, match=f"must be built.*a {name} that"):
        Distiller(**(pair | {name: unbuilt}))
