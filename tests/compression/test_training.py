"""The wrapped student learns from the teacher; the other networks are not changed."""

import keras
import numpy as np
import pytest

from mosaickd_tf import losses
from mosaickd_tf.compression import training
from mosaickd_tf.compression.tf_keras_copy import to_tf_keras
from mosaickd_tf.errors import RunError
from mosaickd_tf.training import Plan
from tests import tiny
from tests.compression import IMAGES, batches, distiller, student

UPDATES = 2  # in a round of `batches`


def loss(model):
    images = IMAGES.astype("float32")
    teacher_logits = distiller().teacher(images / 255, training=False)
    return float(losses.distillation_loss(teacher_logits, model(images, training=False), 1.0))


def fine_tune(model, folder, rounds=20, learning_rate=1e-2, after_update=None, **plan):
    options = {"rounds": rounds, "updates_per_round": UPDATES, "after_update": after_update}
    trainer = training.CompressedStudentTrainer(
        model, distiller(), learning_rate=learning_rate, **options
    )
    plan = Plan(rounds=rounds, evaluate_every=5, checkpoint_every=5, batch_size=4, **plan)
    training.fine_tune(trainer, batches, plan, folder, "pruned_50")


def test_the_student_comes_nearer_to_the_teacher_and_all_others_stay_as_they_are(tmp_path):
    model = to_tf_keras(student(), IMAGES)
    before, at_first = tiny.values(distiller()), loss(model)
    fine_tune(model, tmp_path)
    assert loss(model) < 0.5 * at_first
    assert tiny.same_bits(before, tiny.values(distiller()))


def test_the_images_are_those_of_the_first_update_and_nothing_changes():
    before = tiny.values(distiller())
    images = training.student_images(distiller(), next(iter(batches(0))))
    assert images.dtype == np.uint8 and images.shape == (8, 8, 8, 3)  # synthetic ones and OOD ones
    ood = next(iter(batches(0)))["transfer_images"][:, 0]
    np.testing.assert_array_equal(images[4:], np.round(ood * 255))
    assert tiny.same_bits(before, tiny.values(distiller()))


def test_the_same_again_gives_the_same_and_after_each_update_a_function_is_called(tmp_path):
    count = keras.Variable(0)
    models = [to_tf_keras(student(), IMAGES) for _ in range(2)]
    for model, after_update in zip(models, (None, lambda: count.assign_add(1)), strict=True):
        fine_tune(model, tmp_path / model.name / f"{after_update}", 3, 1e-3, after_update)
    assert tiny.same_bits(*(model.get_weights() for model in models))
    assert int(count) == 3 * UPDATES


def test_a_loss_that_is_not_finite_ends_it_and_leaves_the_distiller_as_it_was(tmp_path):
    before = tiny.values(distiller())
    model = to_tf_keras(student(), IMAGES)
    model.get_layer("logits").bias.assign(np.full(5, np.nan))  # behind any ReLU that may hide it
    with pytest.raises(RunError) as caught:
        fine_tune(model, tmp_path, remedy="Lower `pruning_learning_rate`")
    assert str(caught.value) == (
        "pruned_50, round 5: the distillation_loss became nan. There is no checkpoint yet. Lower "
        "`pruning_learning_rate`"
    )
    assert tiny.same_bits(before, tiny.values(distiller()))
