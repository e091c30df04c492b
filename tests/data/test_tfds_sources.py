"""Data sets of TFDS, without network."""

import numpy as np
import pytest

from mosaickd_tf.data.sources import open_source
from tests.data import read, refusal

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Prepares a data set `tiny_images` of two classes: 3 and 2 images."""
    import tensorflow_datasets as tfds

    class TinyImages(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(4, 4, 1)),
                        "label": tfds.features.ClassLabel(names=["dark", "bright"]),
                    }
                ),
            )

        def _split_generators(self, _):
            return {"train": self._generate_examples(3), "test": self._generate_examples(2)}

        def _generate_examples(self, count):
            for i in range(count):
                image = np.full((4, 4, 1), 40 * i, np.uint8)
                yield i, {"image": image, "label": int(i == 2)}

    folder = tmp_path_factory.mktemp("tfds")
    TinyImages(data_dir=folder).download_and_prepare()
    return folder


def test_a_prepared_tfds_data_set_is_read_with_splits_and_labels(prepared):
    source = open_source("tfds:tiny_images", data_dir=str(prepared))
    assert (source.splits, source.label_names) == (("train", "test"), ("dark", "bright"))
    assert sorted(read(source, "train")) == [(0, 0), (40, 0), (80, 1)]
    assert sorted(read(source, "test")) == [(0, 0), (40, 0)]


def test_a_tfds_data_set_is_read_in_the_same_order_each_time(prepared):
    source = open_source("tfds:tiny_images", data_dir=str(prepared))
    assert read(source, "train") == read(source, "train")


def test_an_unknown_tfds_name_is_refused_without_network(tmp_path):
    message = refusal("tfds:no_such_data_set", data_dir=str(tmp_path))
    assert "'tfds:no_such_data_set'" in message


def test_an_unprepared_tfds_data_set_is_refused_without_network(tmp_path):
    message = refusal("tfds:cifar10", data_dir=str(tmp_path))
    assert "not prepared" in message and str(tmp_path) in message and "`data_dir`" in message
    assert list(tmp_path.iterdir()) == []


def test_a_tfds_data_set_without_images_is_refused(tmp_path, prepared, monkeypatch):
    import types

    import tensorflow_datasets as tfds

    info = types.SimpleNamespace(splits={"train": None}, features={"text": None})
    builder = types.SimpleNamespace(info=info, data_dir=tmp_path)
    monkeypatch.setattr(tfds, "builder", lambda *_, **__: builder)
    assert "'text'" in refusal("tfds:words", data_dir=str(tmp_path))


def test_an_incomplete_known_tfds_data_set_is_refused(monkeypatch, prepared):
    from mosaickd_tf.data import datasets

    fact = datasets.DATASETS["tfds:cifar10"]
    monkeypatch.setitem(datasets.DATASETS, "tfds:tiny_images", fact)
    message = refusal("tfds:tiny_images", data_dir=str(prepared))
    assert "Expected 50,000 images" in message and "Received: 3." in message


def test_the_splits_of_a_known_tfds_data_set_are_those_of_its_facts(monkeypatch, prepared):
    """Reads a TFDS split of another name as the split that it is used for."""
    import dataclasses

    from mosaickd_tf.data import datasets

    split = datasets.Split(images=2, tfds_split="test")
    fact = dataclasses.replace(datasets.DATASETS["tfds:cifar10"], splits={"train": split})
    monkeypatch.setitem(datasets.DATASETS, "tfds:tiny_images", fact)
    source = open_source("tfds:tiny_images", data_dir=str(prepared))
    assert source.splits == ("train",)
    assert sorted(read(source, "train")) == [(0, 0), (40, 0)]
