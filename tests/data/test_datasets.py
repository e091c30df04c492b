"""Facts of data sets, held against the libraries that have them."""

import os
import pathlib

import numpy as np
import pytest

from mosaickd_tf.config import TEACHER_INPUTS, DataConfig
from mosaickd_tf.data import datasets, loading
from mosaickd_tf.data.datasets import DATASETS, teacher_input, tfds_splits
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError

TFDS = [name for name in DATASETS if name.startswith("tfds:")]
EMBEDDED = [name for name in DATASETS if name.startswith("embedded:")]


@pytest.mark.parametrize("name", TFDS)
def test_facts_are_those_of_the_tfds_builder(name, tmp_path):
    """What a builder says without its data: names, classes and shape."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(name.removeprefix("tfds:"), data_dir=tmp_path, try_gcs=False)
    fact, features = DATASETS[name], builder.info.features
    assert features["label"].num_classes == fact.classes
    assert features["image"].shape == (fact.image_size, fact.image_size, fact.channels)


@pytest.mark.parametrize("name", EMBEDDED)
def test_facts_are_those_of_the_embedded_data(name):
    source, fact = open_source(name), DATASETS[name]
    assert source.parts == tuple(fact.parts)
    assert len(source.label_names) == (fact.classes or 0)
    for part, there in fact.parts.items():
        pictures = [picture for picture, _ in source.read(part)]
        assert len(pictures) == there.images
        assert {len(picture.getbands()) for picture in pictures} == {fact.channels}
        if fact.image_size:
            assert {picture.size for picture in pictures} == {(fact.image_size,) * 2}


def whole(name):
    """The splits of a whole copy, and one more that is not used."""
    parts = DATASETS[name].parts.items()
    return {fact.split or part: fact.images for part, fact in parts} | {"extra": 5}


@pytest.mark.parametrize(
    "name, splits",
    [
        ("tfds:svhn_cropped", {"train": "train", "test": "test"}),
        ("tfds:places365_small", {"train": "train", "test": "validation"}),
        ("tfds:imagenet_resized/32x32", {"train": "train", "test": "validation"}),
    ],
)
def test_parts_are_the_splits_that_have_labels(name, splits):
    assert tfds_splits(name, whole(name)) == splits


def test_the_parts_of_a_data_set_that_is_not_known_are_left_open():
    assert tfds_splits("tfds:mnist", {"train": 60_000, "test": 10_000}) is None


@pytest.mark.parametrize("there, received", [({"train": 49_999}, "49,999"), ({}, "0")])
def test_a_copy_that_is_not_whole_is_refused(there, received):
    with pytest.raises(RequestError) as caught:
        tfds_splits("tfds:cifar100", {"test": 10_000} | there)
    message = str(caught.value)
    assert "'tfds:cifar100'" in message and "50,000 images in its split 'train'" in message
    assert f"Received: {received}." in message


def test_every_teacher_input_is_a_form_or_a_data_set_with_statistics():
    # The constants of the official code.
    assert teacher_input("cifar100") == ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761))
    for name in TEACHER_INPUTS:
        expected = teacher_input(name)
        assert expected == name or [len(row) for row in expected] == [3, 3]
    for fact in DATASETS.values():
        assert len(fact.mean) == len(fact.std) in (0, fact.channels)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tfds:cifar10", "tfds:cifar100"])
def test_the_statistics_are_those_of_the_images(name):
    """Where CIFAR lies prepared; TFDS_DATA_DIR says where."""
    folder = pathlib.Path(os.environ.get("TFDS_DATA_DIR", "~/tensorflow_datasets")).expanduser()
    if not (folder / name.removeprefix("tfds:")).is_dir():
        pytest.skip("not prepared here")
    config = DataConfig(target_dataset=name, data_dir=str(folder), validation_fraction=0.0)
    images = loading.load_target(config).train
    mean, std = images.statistics()
    if name == "tfds:cifar10":
        std = np.mean([i.std(axis=(0, 1)) for i in images.images], axis=0) / 255
    fact = datasets.DATASETS[name]
    np.testing.assert_allclose(mean, fact.mean, atol=3e-4)
    np.testing.assert_allclose(std, fact.std, atol=3e-4)
