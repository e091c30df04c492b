"""What all methods with a generator share: noise by purpose, who moves when."""

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf import losses
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods import GenerativeDistiller
from mosaickd_tf.training.optimizers import MomentumSGD
from tests import tiny


class Aligned(GenerativeDistiller):
    """A generator that makes the teacher sure."""

    terms = ("label_space_alignment_loss", "distillation_loss")

    def generator_loss(self, synthetic_images):
        logits = self.teacher(synthetic_images, training=False)
        loss = losses.label_space_alignment_loss(logits)
        self.report(label_space_alignment_loss=loss)
        return loss


@pytest.fixture
def made():
    tiny.seed_weights(0)
    players = tiny.plain_players()
    del players["discriminator"]
    made = Aligned(**players, seed=5)
    made.compile(student_optimizer=MomentumSGD(0.05))
    return made


def test_a_round_moves_generator_and_student_and_leaves_the_teacher(made):
    before = {name: tiny.values(getattr(made, name)) for name in ("teacher", *made.players)}
    made.train_step(tiny.batch())
    moved = {
        name: not tiny.same_bits(values, tiny.values(getattr(made, name)))
        for name, values in before.items()
    }
    assert moved == {"teacher": False, "student": True, "generator": True}
    assert int(made.rounds_played) == 1


def test_the_student_sees_fresh_synthetic_images_and_no_others(made, monkeypatch):
    seen = []
    monkeypatch.setattr(made, "update_student", lambda images: seen.append(images.numpy()))
    made.train_step(tiny.batch(student_steps=3))
    assert [images.shape for images in seen] == [(tiny.BATCH_SIZE, *tiny.IMAGE_SHAPE)] * 3
    assert not np.array_equal(seen[0], seen[1])


def test_ood_images_play_no_part(made):
    twin_batch = tiny.batch(1)
    first = made.train_step(tiny.batch(0))["distillation_loss"]
    tiny.seed_weights(0)
    players = tiny.plain_players()
    del players["discriminator"]
    twin = Aligned(**players, seed=5)
    twin.compile(student_optimizer=MomentumSGD(0.05))
    assert float(twin.train_step(twin_batch)["distillation_loss"]) == float(first)


def test_samples_are_the_same_each_time_and_move_nothing(made):
    before = tiny.values(made.generator)
    first, again = made.samples(3).numpy(), made.samples(3).numpy()
    assert first.shape == (3, *tiny.IMAGE_SHAPE)
    assert np.array_equal(first, again)
    assert tiny.same_bits(before, tiny.values(made.generator))


def test_a_checkpoint_holds_the_players_and_an_optimizer_for_each(made):
    assert set(made.state()) == {
        "student",
        "generator",
        "student_optimizer",
        "generator_optimizer",
        "rounds",
        "means",
    }


def test_the_whole_round_is_one_graph(made):
    step = tf.function(made.train_step, autograph=False)
    step(tiny.batch())
    step(tiny.batch(1))
    assert step.experimental_get_tracing_count() == 1


def test_a_generator_of_another_image_size_is_refused():
    players = tiny.plain_players()
    del players["discriminator"]
    players["generator"] = tiny.plain_players(image_size=12)["generator"]
    with pytest.raises(RequestError, match=r"\(8, 8, 3\). Received: \(12, 12, 3\)"):
        Aligned(**players)
