"""Sources of images: a generator in inference mode, or the images that a run finished."""

import shutil

import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.synthesis import image_source, open_image_source
from mosaickd_tf.utils import stateless_random
from tests import report, tiny
from tests.synthesis import BANK, write_deep_inversion, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Writes a run; returns its folder, its teacher and its generator."""
    folder = tmp_path_factory.mktemp("run")
    return folder, *write_run(folder)


def drawn(opened, count, seed=0):
    return np.concatenate(list(opened.draw(count, seed)))


def test_images_are_those_of_the_generator_with_its_moving_statistics(run):
    folder, _, generator = run
    opened = open_image_source(folder)
    noise = stateless_random.standard_normal((image_source._AT_ONCE, 6), (7, 0))[:5]
    expected = np.round(generator(noise, training=False).numpy() * 255)
    received = drawn(opened, 5, seed=7)
    assert received.dtype == np.uint8
    assert np.abs(received - expected).max() <= 1  # of another batch
    assert "inference mode" in opened.origin


def test_a_seed_fixes_the_images_and_a_larger_count_begins_with_them(run, monkeypatch):
    monkeypatch.setattr(image_source, "_AT_ONCE", 4)
    opened = open_image_source(run[0])
    few, many = drawn(opened, 3), drawn(opened, 10)
    np.testing.assert_array_equal(few, many[:3])
    np.testing.assert_array_equal(many, drawn(open_image_source(run[0]), 10))
    assert len(many) == 10 and len(np.unique(many, axis=0)) == 10
    assert not np.array_equal(few, drawn(opened, 3, seed=1))


def test_a_run_of_deep_inversion_gives_what_it_finished(tmp_path):
    write_deep_inversion(tmp_path)
    opened = open_image_source(tmp_path)
    every = drawn(opened, 6)
    assert sorted(image.tobytes() for image in every) == sorted(i.tobytes() for i in BANK)
    np.testing.assert_array_equal(drawn(opened, 4), every[:4])
    assert "gradient descent" in opened.origin
    with pytest.raises(RequestError, match="at most the 6 images"):
        drawn(opened, 7)


def test_the_teacher_is_the_one_that_the_run_trained_and_its_classes_have_names(run):
    folder, teacher, _ = run
    opened = open_image_source(folder)
    images = np.random.RandomState(0).uniform(size=(2, *tiny.IMAGE_SHAPE)).astype("float32")
    np.testing.assert_array_equal(opened.teacher(images), teacher(images))
    assert opened.label(3) == "3"


def test_a_run_that_cannot_make_images_is_refused(run, tmp_path):
    with pytest.raises(RequestError, match="result.json"):
        open_image_source(tmp_path)
    shutil.copytree(run[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "generator.keras").unlink()
    with pytest.raises(RequestError, match="no generator.*generator.keras.*method=mosaic"):
        open_image_source(tmp_path)


def test_a_teacher_whose_file_is_gone_is_told(tmp_path):
    report.write_run(tmp_path, report.result(teacher=str(tmp_path / "gone.keras")))
    with pytest.raises(RequestError, match="gone.keras"):
        open_image_source(tmp_path)
