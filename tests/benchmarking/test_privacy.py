"""Distances of images to training images, against scikit-learn and with known answers."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from benchmarks import privacy
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import loading
from mosaickd_tf.synthesis import ImageSource
from mosaickd_tf.tasks import SingleLabel
from tests import report, tiny

RNG = np.random.RandomState(0)
ROWS, OTHERS = RNG.uniform(size=(300, 7)), RNG.uniform(size=(400, 7))


def test_nearest_distances_are_those_of_another_library():
    known = NearestNeighbors(algorithm="kd_tree").fit(OTHERS)
    expected = known.kneighbors(ROWS, n_neighbors=1)[0][:, 0]
    np.testing.assert_allclose(privacy.nearest(ROWS, OTHERS), expected, rtol=1e-12)
    expected = known.kneighbors(n_neighbors=1)[0][:, 0]
    np.testing.assert_allclose(privacy.nearest(OTHERS, OTHERS, itself=True), expected, rtol=1e-12)
    first = privacy.nearest(OTHERS[:9], OTHERS, itself=True)
    np.testing.assert_allclose(first, expected[:9], rtol=1e-12)


def test_a_contained_image_has_the_distance_zero():
    assert privacy.nearest(OTHERS[3:5], OTHERS).tolist() == [0, 0]


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Measures a generator that has memorized its teacher's images."""
    about = {"image_size": 8, "channels": 1, "ood_dataset": "", "target_dataset": "embedded:digits"}
    report.write_run(tmp_path, report.result(**about))
    images = loading.load_target(DataConfig(**about)).train.images
    source = ImageSource(
        teacher=tiny.classifier(input_shape=(8, 8, 1)),
        label=str,
        origin="memorized",
        task=SingleLabel(),
        draw=lambda count, seed: iter([images[: count // 2], images[count // 2 : count]]),
    )
    monkeypatch.setattr(privacy, "open_image_source", lambda workdir: source)
    return privacy.measure(tmp_path, 20), images


def test_memorized_images_are_found(measured):
    found, images = measured
    for sets in found.values():
        assert sets.keys() == {"synthetic", "test", "training"}
        assert sets["synthetic"].tolist() == [0] * 20
        assert len(sets["training"]) == 20
    assert found["pixels"]["test"].min() > 0
    lines = list(privacy.table(found))
    assert "100.00% of the synthetic ones; than all of them: 100.00%" in "\n".join(lines)
    assert "| synthetic, 20 | 0.000 | 0.000 | 0.000 | 0.000 | 0.000 | 0.000 | 0.000 |" in lines
