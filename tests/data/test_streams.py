"""Streams of rounds: epochs, start, augmentation and accepted collections."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from mosaickd_tf.data import streams
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.streams import labeled, rounds, unit
from mosaickd_tf.errors import RequestError

N = 12
# Image i has the single value i + 1, so that its brightest pixel identifies it in any crop.
NAMED = np.tile(np.arange(1, N + 1, dtype=np.uint8).reshape(N, 1, 1, 1), (1, 8, 8, 1))
RANDOM = np.random.RandomState(8).randint(1, 256, size=(N, 8, 8, 3)).astype(np.uint8)


def first(dataset, count):
    """Returns the first batches of a stream, as arrays."""
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def named(unit_images):
    """Returns the indices of the images in a batch of `NAMED`, in their order."""
    return np.rint(unit_images.max(axis=(-3, -2, -1)) * 255).astype(int) - 1


def patch_indices(count, **arguments):
    batches = first(rounds(NAMED, **({"batch_size": 4, "student_steps": 2} | arguments)), count)
    return np.concatenate([named(batch["patch_images"]) for batch in batches])


def transfer_indices(count, **arguments):
    batches = first(rounds(NAMED, **({"batch_size": 4, "student_steps": 2} | arguments)), count)
    return np.concatenate([named(batch["transfer_images"]).ravel() for batch in batches])


def assert_equal_batches(received, expected):
    assert len(received) == len(expected)
    for a, b in zip(received, expected, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def test_a_round_has_a_patch_batch_and_a_transfer_batch_for_each_student_step():
    dataset = rounds(RANDOM, batch_size=4, student_steps=3)
    assert {k: v.shape for k, v in dataset.element_spec.items()} == {
        "patch_images": (4, 8, 8, 3),
        "transfer_images": (4, 3, 8, 8, 3),
        "index": (4, 3),
    }
    (batch,) = first(dataset, 1)
    for images in (batch["patch_images"], batch["transfer_images"]):
        assert images.dtype == np.float32
        assert 0.0 <= images.min() and images.max() <= 1.0 and images.max() > 0.5


@pytest.mark.parametrize("batch_size", [3, 4, 5, 30])
def test_every_epoch_has_each_image_once_also_across_batches(batch_size):
    count = -(-4 * N // batch_size)
    epochs = patch_indices(count, batch_size=batch_size)[: 4 * N].reshape(4, N)
    assert [sorted(one) for one in epochs.tolist()] == [list(range(N))] * 4


def test_the_student_s_images_too_are_a_permutation_in_every_epoch():
    epochs = transfer_indices(6).reshape(4, N)
    assert [sorted(one) for one in epochs.tolist()] == [list(range(N))] * 4


def test_the_index_names_each_transfer_image():
    for batch in first(rounds(NAMED, batch_size=4, student_steps=2), 5):
        np.testing.assert_array_equal(batch["index"], named(batch["transfer_images"]))


def test_epochs_and_streams_have_their_own_orders():
    epochs = patch_indices(9).reshape(3, N).tolist()
    transfer = transfer_indices(6).reshape(4, N).tolist()
    orders = [tuple(order) for order in epochs + transfer]
    assert len(set(orders)) == len(orders)
    assert tuple(range(N)) not in orders


def test_orders_favor_no_image():
    # The first image of each of 300 epochs: 25 times each, standard deviation 5.
    starts = patch_indices(300, batch_size=N)[::N]
    assert np.bincount(starts, minlength=N).min() > 5


@pytest.mark.parametrize("start", [1, 3, 7])
def test_a_stream_that_starts_at_a_round_equals_one_that_reached_it(start):
    for images, batch_size in ((RANDOM, 4), (RANDOM[:7], 3)):
        arguments = {"batch_size": batch_size, "student_steps": 2, "seed": 5}
        skipped = first(rounds(images, **arguments), start + 3)[start:]
        assert_equal_batches(first(rounds(images, start_round=start, **arguments), 3), skipped)


def test_batches_built_in_parallel_come_in_the_same_order(monkeypatch):
    alone = first(rounds(RANDOM, batch_size=4, student_steps=3), 12)
    monkeypatch.setattr(streams.machine, "cores", lambda: 16)
    assert_equal_batches(first(rounds(RANDOM, batch_size=4, student_steps=3), 12), alone)


def test_a_stream_can_start_after_a_million_rounds():
    (batch,) = first(rounds(NAMED, batch_size=N, student_steps=1, start_round=1_000_000), 1)
    assert sorted(named(batch["patch_images"])) == list(range(N))


def test_the_same_seed_gives_the_same_stream_and_another_seed_another():
    streams = [first(rounds(RANDOM, batch_size=6, student_steps=1, seed=s), 2) for s in (3, 3, 4)]
    assert_equal_batches(streams[0], streams[1])
    for key in ("patch_images", "transfer_images"):
        assert (streams[0][0][key] != streams[2][0][key]).any()


def test_neighboring_seeds_share_no_order():
    orders = {tuple(patch_indices(1, batch_size=N, seed=seed)) for seed in range(4)}
    assert len(orders) == 4


def test_patch_images_are_the_originals_without_augmentation():
    (batch,) = first(rounds(RANDOM, batch_size=N, student_steps=1), 1)
    received = np.rint(batch["patch_images"] * 255).astype(np.uint8)
    assert {image.tobytes() for image in received} == {image.tobytes() for image in RANDOM}


def test_transfer_images_are_pad_cropped_and_flipped_originals():
    batches = first(rounds(RANDOM, batch_size=N, student_steps=1, padding=2), 3)
    received = np.concatenate([batch["transfer_images"][:, 0] for batch in batches])
    spaced = np.pad(RANDOM, [(0, 0), (2, 2), (2, 2), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(spaced, (8, 8, 3), axis=(1, 2, 3))
    found = set()
    for image in np.rint(received * 255).astype(np.uint8):
        for flipped, candidate in enumerate((image, image[:, ::-1])):
            found |= {
                (row, column, flipped)
                for _, row, column, _ in np.argwhere((windows == candidate).all(axis=(-3, -2, -1)))
            }
    assert len(found) > 20  # of 36 draws out of 50 possible ones
    assert {flipped for *_, flipped in found} == {0, 1}


def test_an_image_is_cropped_again_in_every_epoch():
    batches = first(rounds(RANDOM[:1], batch_size=1, student_steps=1, padding=4), 20)
    assert len({batch["transfer_images"].tobytes() for batch in batches}) > 10


def test_the_padding_is_an_eighth_of_the_side_by_default():
    arguments = {"batch_size": N, "student_steps": 1}
    assert_equal_batches(
        first(rounds(RANDOM, **arguments), 2), first(rounds(RANDOM, padding=1, **arguments), 2)
    )


def test_no_padding_leaves_originals_and_their_flips():
    (batch,) = first(rounds(RANDOM, batch_size=N, student_steps=1, padding=0), 1)
    received = np.rint(batch["transfer_images"][:, 0] * 255).astype(np.uint8)
    either = {x.tobytes() for x in RANDOM} | {x.tobytes() for x in RANDOM[:, :, ::-1]}
    assert all(image.tobytes() in either for image in received)


def test_rounds_read_a_data_set_of_pairs():
    pairs = tf.data.Dataset.from_tensor_slices((RANDOM, range(N)))
    arguments = {"batch_size": 4, "student_steps": 2}
    assert_equal_batches(
        first(rounds(pairs, **arguments), 2), first(rounds(RANDOM, **arguments), 2)
    )


def test_unit_maps_0_to_255_onto_0_to_1():
    np.testing.assert_allclose(unit(np.array([0, 51, 255], np.uint8)), [0.0, 0.2, 1.0], rtol=1e-6)
    assert unit(np.zeros(1, np.uint8)).dtype == tf.float32


def labeled_set():
    return ImageSet(images=NAMED, labels=np.arange(N, dtype=np.int32) % 5)


@pytest.mark.parametrize("augmentation", ["none", "pad_crop", "pad_crop_flip"])
def test_labels_stay_with_their_images_and_an_epoch_has_each_once(augmentation):
    batches = first(labeled(labeled_set(), batch_size=4, augmentation=augmentation), 6)
    indices = np.concatenate([named(images) for images, _ in batches])
    assert [sorted(one) for one in indices.reshape(2, N).tolist()] == [list(range(N))] * 2
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), indices % 5)


def test_labeled_images_without_augmentation_are_the_originals():
    (batch,) = first(labeled(ImageSet(images=RANDOM, labels=np.arange(N)), batch_size=N), 1)
    images, labels = batch
    np.testing.assert_array_equal(np.rint(images * 255).astype(np.uint8), RANDOM[labels])


def test_labeled_images_are_flipped_only_by_pad_crop_flip():
    # Brighter to the right, whatever the crop; black borders are at most one pixel wide.
    ramp = np.tile(np.arange(50, 58, dtype=np.uint8).reshape(1, 1, 8, 1), (40, 8, 1, 1))
    ramps = ImageSet(images=ramp, labels=np.zeros(40, np.int32))
    for augmentation, mirrored in (("pad_crop", {False}), ("pad_crop_flip", {False, True})):
        ((images, _),) = first(labeled(ramps, batch_size=40, augmentation=augmentation), 1)
        assert {bool(x[3, 2, 0] > x[3, 5, 0]) for x in images} == mirrored


def test_labeled_streams_start_anywhere_and_follow_the_seed():
    arguments = {"batch_size": 5, "augmentation": "pad_crop_flip", "seed": 2}
    whole = first(labeled(labeled_set(), **arguments), 6)
    late = first(labeled(labeled_set(), start_step=4, **arguments), 2)
    for (images, labels), (late_images, late_labels) in zip(whole[4:], late, strict=True):
        np.testing.assert_array_equal(images, late_images)
        np.testing.assert_array_equal(labels, late_labels)
    ((other, _),) = first(labeled(labeled_set(), **(arguments | {"seed": 3})), 1)
    assert (other != whole[0][0]).any()


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"batch_size": "4"},
        {"batch_size": 4.0},
        {"student_steps": 0},
        {"seed": -1},
        {"start_round": -1},
        {"padding": -1},
        {"padding": 9},
    ],
)
def test_numbers_outside_their_ranges_are_refused_by_name(wrong):
    (name,) = wrong
    with pytest.raises(RequestError, match=f"`{name}` must be an integer.*Received: {name}="):
        rounds(RANDOM, **({"batch_size": 4} | wrong))
