"""The splits of the target data set and the OOD images of a run."""

import json

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.config import DataConfig
from mosaickd_tf.data.images import resize
from mosaickd_tf.data.loading import load_ood, load_target, write_broken_files
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError


def digits(**changes):
    fields = {"target_dataset": "embedded:digits", "image_size": 8, "channels": 1}
    return DataConfig(**(fields | changes))


def photos(**changes):
    fields = {"ood_dataset": "embedded:photos", "image_size": 16, "channels": 1}
    return DataConfig(**(fields | changes))


def folder(root, names, size=(8, 8)):
    """Writes a folder of images, the n-th of gray level n."""
    for level, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, level).save(root / name)
    return f"folder:{root}"


def levels(image_set):
    return image_set.images[:, 0, 0, 0].tolist()


@pytest.fixture(scope="module")
def target():
    return load_target(digits())


def test_a_tenth_of_the_training_split_becomes_the_validation_split(target):
    assert [len(split) for split in (target.train, target.validation, target.test)] == [
        1080,
        120,
        597,
    ]


def test_validation_and_training_images_are_disjoint_and_complete(target):
    source = open_source("embedded:digits")
    whole = sorted((resize(p, (8, 8, 1)).tobytes(), label) for p, label in source.read("train"))
    taken = [
        (image.tobytes(), int(label))
        for split in (target.train, target.validation)
        for image, label in zip(split.images, split.labels, strict=True)
    ]
    assert sorted(taken) == whole


def test_the_validation_images_are_the_same_in_every_run(target):
    again = load_target(digits())
    np.testing.assert_array_equal(again.validation.images, target.validation.images)
    np.testing.assert_array_equal(again.validation.labels, target.validation.labels)


def test_images_and_labels_have_the_documented_shapes_and_dtypes(target):
    for split in (target.train, target.validation, target.test):
        assert split.images.dtype == np.uint8 and split.images.shape[1:] == (8, 8, 1)
        assert split.labels.dtype == np.int32 and split.labels.shape == (len(split),)
    assert target.label_names == tuple("0123456789")


def test_no_validation_split_is_taken_for_a_fraction_of_0():
    target = load_target(digits(validation_fraction=0.0))
    assert len(target.train) == 1200 and target.validation is None


def test_a_training_split_that_is_not_needed_is_not_read(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    (tmp_path / "train" / "a" / "1.png").write_bytes(b"not an image")
    name = folder(tmp_path, ["test/a/1.png"])
    config = DataConfig(target_dataset=name, image_size=8, channels=1, validation_fraction=0.0)
    target = load_target(config, training=False)
    assert target.train is None and target.validation is None and target.broken == ()
    assert levels(target.test) == [0] and target.label_names == ("a",)
    with pytest.raises(RequestError, match="broken"):
        load_target(config)


def test_a_training_split_is_read_if_the_validation_split_is_taken_from_it():
    with_it, without = load_target(digits()), load_target(digits(), training=False)
    np.testing.assert_array_equal(without.validation.images, with_it.validation.images)


def test_an_only_training_split_gives_the_labels(tmp_path):
    name = folder(tmp_path, ["train/a/1.png"])
    config = DataConfig(target_dataset=name, image_size=8, validation_fraction=0.0)
    assert load_target(config, training=False).label_names == ("a",)


def test_a_data_set_s_own_validation_split_is_used(tmp_path):
    name = folder(tmp_path, ["train/a/1.png", "train/a/2.png", "val/a/1.png", "test/a/1.png"])
    target = load_target(DataConfig(target_dataset=name, image_size=8, channels=1))
    assert levels(target.train) == [0, 1]
    assert (levels(target.validation), levels(target.test)) == ([2], [3])


def test_a_data_set_without_splits_is_used_as_the_test_split(tmp_path):
    name = folder(tmp_path, ["a/1.png", "b/1.png"])
    target = load_target(DataConfig(target_dataset=name, image_size=8))
    assert target.train is None and target.validation is None
    assert target.test.images.shape == (2, 8, 8, 3)
    assert target.label_names == ("a", "b")
    np.testing.assert_array_equal(target.test.labels, [0, 1])


def test_a_target_without_labels_is_refused(tmp_path):
    name = folder(tmp_path, ["1.png"])
    with pytest.raises(RequestError, match="needs labels") as caught:
        load_target(DataConfig(target_dataset=name, image_size=8))
    assert repr(name) in str(caught.value)


def test_ood_images_are_resized_and_their_labels_dropped(tmp_path):
    name = folder(tmp_path, ["a/1.png", "b/1.png"], size=(40, 20))
    ood = load_ood(DataConfig(ood_dataset=name, image_size=12, channels=3))
    assert ood.images.shape == (2, 12, 12, 3) and ood.images.dtype == np.uint8
    assert ood.labels is None and ood.source == name


@pytest.mark.parametrize(
    "names",
    [
        ["train/1.png", "test/1.png", "train/2.png"],
        ["test/1.png", "test/2.png", "test/3.png"],
        ["1.png", "deep/er/1.png", "train/1.png"],
        ["val/a/1.png", "Train/a/1.png", "test/b/1.png"],
    ],
)
def test_all_images_of_a_folder_are_ood_images_wherever_they_are(tmp_path, names, caplog):
    name = folder(tmp_path, names)
    with caplog.at_level("INFO"):
        ood = load_ood(DataConfig(ood_dataset=name, image_size=8))
    assert sorted(levels(ood)) == [0, 1, 2]
    assert "3 image files found, 3 of them read" in caplog.text


def test_each_image_gives_the_requested_number_of_crops():
    ood = load_ood(photos(ood_fit="crops", ood_crops_per_picture=30))
    assert ood.images.shape == (60, 16, 16, 1)
    assert len({image.tobytes() for image in ood.images}) == 60


def test_crops_are_the_same_in_every_run():
    config = photos(ood_fit="crops", ood_crops_per_picture=5)
    np.testing.assert_array_equal(load_ood(config).images, load_ood(config).images)


def test_crops_are_at_least_as_large_as_the_image_by_default(tmp_path):
    name = folder(tmp_path, ["1.png"], size=(15, 60))
    fields = {"ood_dataset": name, "image_size": 16, "ood_fit": "crops"}
    with pytest.raises(RequestError, match="at least 16 pixels a side. Received: 1 smaller ones"):
        load_ood(DataConfig(**fields))
    assert len(load_ood(DataConfig(**fields, ood_smallest_crop=15))) == 16


def test_images_smaller_than_the_smallest_crop_are_skipped_and_counted(tmp_path, caplog):
    folder(tmp_path, ["1.png", "2.png"], size=(15, 60))
    name = folder(tmp_path, ["3.png"], size=(16, 16))
    ood = load_ood(DataConfig(ood_dataset=name, image_size=16, ood_fit="crops"))
    assert len(ood) == 16  # of the one that is large enough
    assert "2 images smaller than the smallest crop of 16 pixels" in caplog.text


def test_crops_of_a_fixed_side_are_windows_of_the_photo():
    config = photos(
        ood_fit="crops", ood_crops_per_picture=3, ood_smallest_crop=16, ood_largest_crop=16
    )
    originals = [image for image, _ in open_source("embedded:photos").read("all")]
    for i, image in enumerate(load_ood(config).images):
        photo = np.asarray(originals[i // 3].convert("L"))
        windows = np.lib.stride_tricks.sliding_window_view(photo, (16, 16))
        corners = (windows[..., 0, 0] == image[0, 0, 0]) & (
            windows[..., 15, 15] == image[15, 15, 0]
        )
        assert any((windows[y, x] == image[..., 0]).all() for y, x in np.argwhere(corners))


def test_a_largest_crop_below_the_smallest_is_refused():
    with pytest.raises(RequestError, match="Received: 10 below 20"):
        load_ood(photos(ood_fit="crops", ood_smallest_crop=20, ood_largest_crop=10))


def test_too_many_broken_images_stop_the_loading_with_their_paths(tmp_path):
    name = folder(tmp_path, ["1.png", "2.png"])
    (tmp_path / "2.png").write_bytes(b"broken")
    with pytest.raises(RequestError, match="2.png"):
        load_ood(DataConfig(ood_dataset=name, image_size=8))


def spoil(path):
    path.write_bytes(b"broken")
    return str(path)


def test_broken_images_are_skipped_logged_and_listed(tmp_path, caplog):
    name = folder(tmp_path, ["a/0.png", "a/1.png", "b/2.png", "b/3.png"])
    broken = [spoil(tmp_path / "a/1.png"), spoil(tmp_path / "b/2.png")]
    fields = {"image_size": 8, "channels": 1, "max_broken": 0.5}
    with caplog.at_level("WARNING"):
        ood = load_ood(DataConfig(ood_dataset=name, **fields))
        target = load_target(DataConfig(target_dataset=name, **fields))
    assert levels(ood) == levels(target.test) == [0, 3]
    np.testing.assert_array_equal(target.test.labels, [0, 1])
    assert [fault.path for fault in ood.broken] == [fault.path for fault in target.broken] == broken
    assert len(caplog.messages) == 2 and all("2 broken image files" in m for m in caplog.messages)
    write_broken_files(tmp_path / "list.json", target, None)
    listed = json.loads((tmp_path / "list.json").read_text())
    assert [fault["path"] for fault in listed] == broken
    assert all("by its content" in fault["reason"] for fault in listed)


def test_without_a_broken_image_there_is_no_list(tmp_path):
    ood = load_ood(DataConfig(ood_dataset=folder(tmp_path, ["1.png"]), image_size=8))
    write_broken_files(tmp_path / "list.json", None, ood)
    assert not (tmp_path / "list.json").exists()


def test_only_broken_images_are_refused_for_any_max_broken(tmp_path):
    name = folder(tmp_path, ["1.png", "2.png"])
    spoil(tmp_path / "1.png"), spoil(tmp_path / "2.png")
    with pytest.raises(RequestError, match="No readable image.*Received: 2 broken"):
        load_ood(DataConfig(ood_dataset=name, image_size=8, max_broken=5))
