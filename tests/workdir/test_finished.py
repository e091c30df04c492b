"""A finished run is read as it was written."""

import numpy as np
import pytest

from mosaickd_tf.config import DistillConfig, OptimizationConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.finished import FinishedRun
from mosaickd_tf.workdir.result_file import read_result
from tests.report import result, rows, write_run


def test_everything_is_found(tmp_path):
    write_run(tmp_path, result(), channels=3)
    run = FinishedRun(tmp_path)
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
    run = FinishedRun(tmp_path)
    assert (run.versions, run.flags, run.rows["mosaic"]) == ({}, "", [])
    assert (run.predictions, run.synthetic_images, run.ood_images) == (None, None, None)
    assert run.synthetic_classes is None
    assert run.label(3) == "class 3"


def test_large_images_are_thumbnails(tmp_path):
    write_run(tmp_path, result(image_size=130))
    run = FinishedRun(tmp_path)
    assert run.ood_images.shape == (64, 65, 65, 1)
    assert run.synthetic_images.shape == (10, 10, 65, 65, 1)
    assert not np.array_equal(run.ood_images[0], run.ood_images[1])


def test_the_config_is_that_of_the_run_and_parts_are_read_once(tmp_path):
    write_run(tmp_path, result(rounds=7, balance_weight=3.0))
    run = FinishedRun(tmp_path)
    assert isinstance(run.config, DistillConfig)
    assert run.config.optimization.rounds == 7
    assert run.config.methods["mosaic"].balance_weight == 3.0
    assert run.predictions is run.predictions
    (tmp_path / "samples" / "ood.png").unlink()
    assert run.ood_images is None  # not read before


def test_the_task_is_the_one_of_the_result(tmp_path):
    write_run(tmp_path, result())
    assert FinishedRun(tmp_path).task.name == "single_label"
    files.write_json(tmp_path / "result.json", result() | {"task": "multi_label"})
    assert FinishedRun(tmp_path).task.name == "multi_label"


def test_a_run_that_is_not_finished_is_refused_in_one_line(tmp_path):
    with pytest.raises(RequestError, match="finished run") as caught:
        FinishedRun(tmp_path / "none")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("result.json", "result"),
        ("metrics.jsonl", "rows"),
        ("test_predictions.json", "predictions"),
        ("test_predictions.json", "label_names"),
        ("samples/ood.png", "ood_images"),
        ("versions.json", "versions"),
    ],
)
@pytest.mark.parametrize("content", [b"\xff\xfe", b"[1, 2"], ids=str)
def test_a_file_that_became_broken_is_told_in_one_line(tmp_path, name, part, content):
    write_run(tmp_path, result())
    (tmp_path / name).write_bytes(content)
    with pytest.raises(RequestError, match="broken") as caught:
        getattr(FinishedRun(tmp_path), part)
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


# Of the version before the rooms were rebuilt

REMOVED = {
    "memory_size": 0,
    "generator_restart_every": 0,
    "generator_steps_per_round": 1,
    "conditional_weight": 0.0,
    "adversarial_warmup": 0,
}


def old_result(**changed):
    """Returns the content of a result.json of version 0.1.0."""
    content = result()
    config = content["config"] | REMOVED | changed
    del config["task"]
    return content | {"config": config}


def test_a_run_of_the_version_before_is_read(tmp_path):
    write_run(tmp_path, old_result())
    run = FinishedRun(tmp_path)
    assert not set(REMOVED) & set(run.result["config"])
    optimization = OptimizationConfig(rounds=39200, batch_size=256)
    assert run.config == DistillConfig(data=run.config.data, optimization=optimization)
    assert (run.config.data.image_size, run.task.name) == (16, "single_label")


def test_metrics_of_the_version_before_have_their_present_names(tmp_path):
    metrics = rows(counts=[26] * 10)
    metrics[-1] |= {"student_variety": 0.9, "agreement_at_hand": 0.8}
    write_run(tmp_path, old_result(), metrics=metrics)
    last = FinishedRun(tmp_path).rows["mosaic"][-1]
    assert (last["prediction_diversity"], last["unlabeled_agreement"]) == (0.9, 0.8)
    assert not {"student_variety", "agreement_at_hand"} & set(last)


def test_a_run_with_a_removed_option_in_effect_names_the_version_that_had_it(tmp_path):
    write_run(tmp_path, old_result(memory_size=1000))
    with pytest.raises(RequestError, match="`memory_size` was removed.*version 0.1.0"):
        FinishedRun(tmp_path)


def test_a_result_without_a_needed_key_is_refused(tmp_path):
    write_run(tmp_path, result())
    path = tmp_path / "result.json"
    assert read_result(path, keys=("config", "seed"))["seed"] == 3
    with pytest.raises(RequestError, match="config, commit. Received: .*lacks them"):
        read_result(path, keys=("config", "commit"))
