"""Facts about data sets compared with the libraries that provide them."""

import os
import pathlib
import sys
import types

import numpy as np
import pytest

from mosaickd_tf.config import TEACHER_INPUTS, DataConfig
from mosaickd_tf.data import datasets, loading
from mosaickd_tf.data.datasets import DATASETS, class_names, teacher_input, tfds_splits
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError

TFDS = [name for name in DATASETS if name.startswith("tfds:")]
EMBEDDED = [name for name in DATASETS if name.startswith("embedded:")]


@pytest.mark.parametrize("name", TFDS)
def test_facts_are_those_of_the_tfds_builder(name, tmp_path):
    """Compares what a builder knows without its data: names, classes and shape."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(name.removeprefix("tfds:"), data_dir=tmp_path, try_gcs=False)
    fact, features = DATASETS[name], builder.info.features
    assert features["label"].num_classes == fact.classes
    assert features["image"].shape == (fact.image_size, fact.image_size, fact.channels)


@pytest.mark.parametrize("name", EMBEDDED)
def test_facts_are_those_of_the_embedded_data(name):
    source, fact = open_source(name), DATASETS[name]
    assert source.splits == tuple(fact.splits)
    assert len(source.label_names) == (fact.classes or 0)
    for name, split in fact.splits.items():
        images = [image for image, _ in source.read(name)]
        assert len(images) == split.images
        assert {len(image.getbands()) for image in images} == {fact.channels}
        if fact.image_size:
            assert {image.size for image in images} == {(fact.image_size,) * 2}


# Images of every split: tensorflow.org/datasets/catalog.
CATALOG = {
    "tfds:cifar10": {"train": 50_000, "test": 10_000},
    "tfds:cifar100": {"train": 50_000, "test": 10_000},
    "tfds:svhn_cropped": {"train": 73_257, "test": 26_032, "extra": 531_131},
    "tfds:imagenet_resized/32x32": {"train": 1_281_167, "validation": 50_000},
    "tfds:places365_small": {"train": 1_803_460, "validation": 36_500, "test": 328_500},
    "tfds:stanford_dogs": {"train": 12_000, "test": 8_580},
    "tfds:caltech_birds2011": {"train": 5_994, "test": 5_794},
}
# Places does not publish the labels of its test split; ImageNet has no such split here.
TESTED_ON = {"tfds:places365_small": "validation", "tfds:imagenet_resized/32x32": "validation"}


@pytest.mark.parametrize("name", TFDS)
def test_splits_are_the_catalog_s_splits_that_have_labels(name):
    splits = tfds_splits(name, CATALOG[name])
    assert splits == {"train": "train", "test": TESTED_ON.get(name, "test")}
    for split, tfds_split in splits.items():
        assert DATASETS[name].splits[split].images == CATALOG[name][tfds_split]


def test_an_unknown_data_set_has_no_splits():
    assert tfds_splits("tfds:mnist", {"train": 60_000, "test": 10_000}) is None


@pytest.mark.parametrize("there, received", [({"train": 49_999}, "49,999"), ({}, "0")])
def test_an_incomplete_copy_is_refused(there, received):
    with pytest.raises(RequestError) as caught:
        tfds_splits("tfds:cifar100", {"test": 10_000} | there)
    message = str(caught.value)
    assert "'tfds:cifar100'" in message and "50,000 images in its split 'train'" in message
    assert f"Received: {received}." in message


def imagenet(monkeypatch, folder):
    """Opens ImageNet as if it were prepared."""
    import tensorflow_datasets as tfds

    name = "tfds:imagenet_resized/32x32"
    known = tfds.builder(name.removeprefix("tfds:"), data_dir=folder, try_gcs=False)
    splits = {
        split: types.SimpleNamespace(num_examples=count) for split, count in CATALOG[name].items()
    }
    info = types.SimpleNamespace(features=known.info.features, splits=splits)
    prepared = types.SimpleNamespace(info=info)
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: prepared)
    return open_source(name), known.info.features["label"].names


def test_the_classes_of_imagenet_have_english_names(monkeypatch, tmp_path):
    source, ids = imagenet(monkeypatch, tmp_path)
    assert source.label_names[:2] == ("kit fox", "English setter")
    named = dict(zip(ids, source.label_names, strict=True))
    expected = {
        "n01440764": "tench",
        "n02012849": "crane (bird)",
        "n02391049": "zebra",
        "n03126707": "crane (machine)",
        "n03710637": "maillot (n03710637)",
        "n03710721": "maillot (n03710721)",
        "n15075141": "toilet tissue",
    }
    assert {there: named[there] for there in expected} == expected
    assert len(set(source.label_names)) == 1000


def test_without_english_names_classes_keep_wordnet_ids(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets.datasets.siscore.labels", None)
    source, ids = imagenet(monkeypatch, tmp_path)
    assert source.label_names == tuple(ids)


@pytest.mark.parametrize("names", [["n02119789", "n02100735"], ["x"] * 1000, []])
def test_other_classes_keep_their_names(names):
    assert class_names(names) == tuple(names)


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
    """Runs where CIFAR is prepared, in TFDS_DATA_DIR or its default."""
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
