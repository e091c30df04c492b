"""Relations between the images of a batch beside plain distillation."""

import numpy as np
import pytest

from mosaickd_tf.config import DistillConfig
from mosaickd_tf.methods import RelationalDistiller
from tests.losses.test_features import angle64, distance64
from tests.methods import staged


@pytest.mark.parametrize("layer", ["features", "stage1_relu"])
def test_the_loss_is_distillation_distances_and_angles(layer):
    made = staged.distiller(
        "rkd", distance_weight=2.0, angle_weight=5.0, teacher_layers=[layer], student_layers=[layer]
    )
    teacher, student = staged.seen(made)
    flat = [np.asarray(x.features[0], np.float64).reshape(4, -1) for x in (teacher, student)]
    terms = {
        "distillation_loss": staged.kl64(teacher.logits, student.logits).mean(),
        "distance_loss": distance64(*flat),
        "angle_loss": angle64(*flat),
    }
    expected = np.dot([1.0, 2.0, 5.0], list(terms.values()))
    assert float(made.student_loss(teacher, student)) == pytest.approx(expected, rel=1e-4)
    reported = {name: float(tracker.result()) for name, tracker in made.trackers.items()}
    assert reported == pytest.approx(terms, rel=1e-4)


def test_a_round_moves_the_student_alone():
    made = staged.distiller("rkd")
    moved = staged.what_moves(made, lambda: staged.play(made))
    assert moved == {"student", "student_optimizer"}


def test_an_image_that_is_twice_in_a_batch_spoils_nothing():
    made, data = staged.distiller("rkd"), staged.batch()
    data["transfer_images"][:] = data["transfer_images"][:1]
    assert all(np.isfinite(value) for value in staged.play(made, data).values())
    assert all(np.isfinite(value).all() for value in staged.state(made))


def test_the_published_weights_are_the_default():
    options = RelationalDistiller.options(DistillConfig())
    assert (options["distance_weight"], options["angle_weight"]) == (25.0, 50.0)
