"""Stored views: what is stored, when it is read, and when it is computed again."""

import numpy as np
import pytest

from mosaickd_tf.data.streams import rounds, transfer_view
from mosaickd_tf.data.view_logits import stored_views
from mosaickd_tf.errors import RequestError
from tests import tiny

IMAGES = np.random.default_rng(3).integers(0, 256, (6, 8, 8, 3), np.uint8)


class Predict:
    """Returns sums of the pixels as logits, times a factor, and counts the images."""

    def __init__(self, factor=1e-3):
        self.factor = factor
        self.images = 0

    def __call__(self, teacher, images):
        self.images += len(images)
        sums = images.astype("float64").sum(axis=(1, 2)) * self.factor
        return np.concatenate([sums, -sums[:, :2]], axis=1).astype("float32")


def stored(folder, predict, images=IMAGES, teacher=None, **given):
    arguments = {"views": 3, "seed": 5, "folder": folder, "megabytes": 1} | given
    return stored_views(teacher or tiny.wide_resnet(num_classes=5), images, predict, **arguments)


def by_hand(number, seed=5):
    (view,) = transfer_view(IMAGES, number, seed=seed)
    return Predict()(None, view)


@pytest.fixture(name="teacher")
def _teacher():
    return tiny.wide_resnet(num_classes=5)


def test_logits_are_those_of_each_view_in_float16(tmp_path, teacher):
    logits = stored(tmp_path, Predict(), teacher=teacher)
    assert logits.shape == (3, 6, 5) and logits.dtype == np.float16
    for number in range(3):
        np.testing.assert_array_equal(logits[number], by_hand(number).astype("float16"))
    assert not np.array_equal(logits[0], logits[1])


def test_what_is_stored_is_not_computed_again(tmp_path, teacher):
    predict = Predict()
    logits = [stored(tmp_path, predict, teacher=teacher) for _ in range(2)]
    assert predict.images == 3 * len(IMAGES)
    np.testing.assert_array_equal(*logits)


def test_a_damaged_file_is_computed_again(tmp_path, teacher):
    predict = Predict()
    before = stored(tmp_path, predict, teacher=teacher)
    paths = sorted(tmp_path.iterdir())
    content = paths[0].read_bytes()
    paths[0].write_bytes(content[: len(content) // 2])  # torn
    changed = bytearray(paths[1].read_bytes())
    changed[len(changed) // 2] ^= 1  # one bit of the logits
    paths[1].write_bytes(changed)
    np.testing.assert_array_equal(stored(tmp_path, predict, teacher=teacher), before)
    assert predict.images == 5 * len(IMAGES)


def test_other_teachers_images_and_seeds_have_files_of_their_own(tmp_path, teacher):
    predict = Predict()
    stored(tmp_path, predict, teacher=teacher, views=1)
    stored(tmp_path, predict, teacher=teacher, views=1, seed=6)
    stored(tmp_path, predict, teacher=teacher, views=1, images=IMAGES[::-1])
    weight = teacher.trainable_variables[0]
    weight.assign(weight + 1)
    stored(tmp_path, predict, teacher=teacher, views=1)
    assert predict.images == 4 * len(IMAGES)
    assert len(list(tmp_path.iterdir())) == 4


def test_logits_too_large_for_float16_are_kept_in_float32(tmp_path, teacher):
    logits = stored(tmp_path, Predict(100.0), teacher=teacher, views=1)
    (view,) = transfer_view(IMAGES, 0, seed=5)
    assert logits.dtype == np.float32 and np.abs(logits).max() > 65504
    np.testing.assert_array_equal(logits[0], Predict(100.0)(None, view))


def test_fewer_views_are_stored_where_all_do_not_fit(tmp_path, teacher, caplog):
    # 60 bytes a view
    assert stored(tmp_path, Predict(), teacher=teacher, megabytes=130e-6).shape[0] == 2
    assert "2 of 3 views" in caplog.text
    assert stored(tmp_path, Predict(), teacher=teacher, megabytes=50e-6) is None
    assert "the teacher is run in each update" in caplog.text


def test_a_stream_shows_the_stored_views_in_turn_each_with_its_logits(tmp_path, teacher):
    logits = stored(tmp_path, Predict(), teacher=teacher, views=2)
    stream = rounds(IMAGES, batch_size=3, student_steps=2, seed=5, view_logits=logits)
    orders = []
    for number, batch in zip(range(4), stream.as_numpy_iterator(), strict=False):
        (view,) = transfer_view(IMAGES, number % 2, seed=5)
        index = batch["index"]
        orders.append(index.ravel().tolist())
        assert sorted(orders[-1]) == list(range(6))  # a round is a pass here
        expected = view[index].astype("float32") / 255
        np.testing.assert_allclose(batch["transfer_images"], expected, atol=1e-6)
        np.testing.assert_array_equal(batch["transfer_logits"], logits[number % 2][index])
        assert batch["transfer_logits"].dtype == np.float32
    assert orders[0] != orders[2]  # the view again, in another order


def test_the_first_passes_are_those_of_a_stream_without_views():
    plain = rounds(IMAGES, batch_size=3, student_steps=2, seed=5)
    views = rounds(
        IMAGES, batch_size=3, student_steps=2, seed=5, view_logits=np.zeros((2, 6, 5), "float16")
    )
    pairs = zip(plain.as_numpy_iterator(), views.as_numpy_iterator(), strict=False)
    same = []
    for _, (a, b) in zip(range(3), pairs, strict=False):
        assert set(b) - set(a) == {"transfer_logits"}
        np.testing.assert_array_equal(a["patch_images"], b["patch_images"])
        np.testing.assert_array_equal(a["index"], b["index"])
        same.append(np.array_equal(a["transfer_images"], b["transfer_images"]))
    assert same == [True, True, False]


def test_a_stream_with_views_continues_at_any_round():
    logits = np.random.default_rng(0).normal(size=(2, 6, 5)).astype("float16")
    arguments = {"batch_size": 2, "student_steps": 2, "seed": 1, "view_logits": logits}
    whole = list(zip(range(9), rounds(IMAGES, **arguments).as_numpy_iterator(), strict=False))
    later = rounds(IMAGES, start_round=7, **arguments).as_numpy_iterator()
    for _, expected in whole[7:]:
        received = next(later)
        for name, values in expected.items():
            np.testing.assert_array_equal(received[name], values)


@pytest.mark.parametrize("shape", [(6, 5), (0, 6, 5), (2, 5, 5)])
def test_logits_that_do_not_fit_the_images_are_refused(shape):
    with pytest.raises(RequestError, match="`view_logits` does not fit"):
        rounds(IMAGES, batch_size=2, view_logits=np.zeros(shape))
