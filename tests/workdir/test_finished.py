"""A finished run is read as it was written."""

import numpy as np
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.workdir import finished
from tests.report import result, write_run


def test_everything_is_found(tmp_path):
    write_run(tmp_path, result(), channels=3)
    run = finished.read(tmp_path)
    assert run.result == result() | {"config": run.result["config"]}
    assert list(run.rows) == ["mosaic", "kd"]
    assert len(run.rows["mosaic"]) == 4 and len(run.rows["kd"]) == 2
    assert run.synthetic_images.shape == (10, 10, 16, 16, 3)
    assert run.ood_images.shape == (64, 16, 16, 3)
    assert sum(run.synthetic_classes) == 256
    assert run.label(3) == "3"
    assert run.flags == "--seed=3\n--rounds=300\n"


def test_what_an_older_or_smaller_run_lacks_is_none(tmp_path):
    write_run(tmp_path, result(method="kd", baselines=("mosaic",), labels=False))
    for name in ("versions.json", "flags.cfg", "samples/ood.png", "baselines/mosaic/metrics.jsonl"):
        (tmp_path / name).unlink()
    run = finished.read(tmp_path)
    assert (run.versions, run.flags, run.rows["mosaic"]) == ({}, "", [])
    assert (run.predictions, run.synthetic_images, run.ood_images) == (None, None, None)
    assert run.synthetic_classes is None
    assert run.label(3) == "class 3"


def test_large_images_are_thumbnails(tmp_path):
    write_run(tmp_path, result(image_size=130))
    run = finished.read(tmp_path)
    assert run.ood_images.shape == (64, 65, 65, 1)
    assert run.synthetic_images.shape == (10, 10, 65, 65, 1)
    assert not np.array_equal(run.ood_images[0], run.ood_images[1])


def test_a_run_that_is_not_finished_is_refused_in_one_line(tmp_path):
    with pytest.raises(RequestError, match="finished run") as caught:
        finished.read(tmp_path / "none")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    ["result.json", "metrics.jsonl", "test_predictions.json", "samples/ood.png", "versions.json"],
)
@pytest.mark.parametrize("content", [b"\xff\xfe", b"[1, 2"], ids=str)
def test_a_file_that_became_broken_is_told_in_one_line(tmp_path, name, content):
    write_run(tmp_path, result())
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError, match="broken") as caught:
        finished.read(tmp_path)
    assert str(tmp_path) in str(caught.value)
