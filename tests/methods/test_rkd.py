"""Relations between the images of a batch beside plain distillation."""

import numpy as np
import pytest

from mosaickd_tf.methods.rkd import RelationalConfig
from tests.losses.test_features import angle64, distance64
from tests.methods import harness


@pytest.mark.parametrize("layer", ["features", "stage1_relu"])
def test_the_loss_is_distillation_distances_and_angles(layer):
    config = RelationalConfig(distance_weight=2.0, angle_weight=5.0)
    rkd = harness.build("rkd", config=config, teacher_layers=[layer], student_layers=[layer])
    teacher_logits, (teacher_features,) = rkd.teacher_capture(harness.IMAGES, training=False)
    student_logits, (student_features,) = rkd.student_capture(harness.IMAGES, training=True)
    flat = [np.asarray(x, np.float64).reshape(4, -1) for x in (teacher_features, student_features)]
    terms = {
        "distillation_loss": harness.kl64(teacher_logits, student_logits).mean(),
        "distance_loss": distance64(*flat),
        "angle_loss": angle64(*flat),
    }
    loss = harness.minimized(rkd, lambda: rkd.update_student(harness.IMAGES))
    assert loss["student"] == pytest.approx(np.dot([1.0, 2.0, 5.0], list(terms.values())), rel=1e-4)
    assert harness.recorded(rkd) == pytest.approx(terms, rel=1e-4)


def test_a_round_changes_the_student_alone():
    rkd = harness.build("rkd")
    assert harness.changed(rkd, lambda: harness.run_round(rkd)) == harness.all_of("student")


def test_an_image_that_is_twice_in_a_batch_spoils_nothing():
    rkd, data = harness.build("rkd"), harness.batch()
    data["transfer_images"][:] = data["transfer_images"][:1]
    assert all(np.isfinite(value) for value in harness.run_round(rkd, data).values())
    assert all(np.isfinite(value).all() for value in harness.state(rkd))


def test_the_published_weights_are_the_default():
    config = harness.build("rkd").config
    assert (config.distance_weight, config.angle_weight) == (25.0, 50.0)
