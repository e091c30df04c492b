"""Runs and their cells."""

import json
import pathlib

import pytest

from mosaickd_tf import evaluation
from mosaickd_tf.config import DataConfig
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.report.ledger import portable, runs_of
from mosaickd_tf.teachers import load_teacher_file
from mosaickd_tf.utils import files
from tests.report.results import asked, cells, result


def run(**changes):
    return runs_of(result(**changes), "name", cells())[0]


def test_a_run_as_its_flagfiles_say_is_in_its_cell_without_changes():
    found = run(seed=3)
    assert (found.data, found.pair) == ("cifar100_from_cifar10", "wrn40_2_to_wrn16_1")
    assert (found.method, found.changes) == ("mosaic", ())
    assert (found.seed, found.rounds, found.seconds) == (3, 39200, 5400.0)
    assert (found.accuracy, found.teacher_accuracy) == (0.61, 0.7583)
    assert found.machine == "2 cores, A Processor"
    assert found.commit.startswith("0123456789") and found.name == "name"


@pytest.mark.parametrize(
    "changes, method, said",
    [
        ({"rounds": 5000}, "mosaic", ()),
        ({"local_weight": 0.0}, "no_local", ()),
        ({"local_weight": 0.0, "rounds": 5000}, "no_local", ()),
        ({"local_weight": 0.5}, "mosaic", ("local_weight=0.5",)),
        ({"method": "kd", "temperature": 5.0}, "kd", ()),
        ({"method": "kd"}, "kd", ("temperature=1.0",)),
        ({"batch_size": 64, "patch_size": 6}, "mosaic", ("patch_size=6", "batch_size=64")),
        ({"validation_fraction": 0.2}, "mosaic", ("validation_fraction=0.2",)),
        # Where and how it ran, and how its teacher came about
        ({"data_dir": "/there", "cache_dir": "/here"}, "mosaic", ()),
        ({"precision": "float32", "exports": ["keras"]}, "mosaic", ()),
        ({"recipe": "paper"}, "mosaic", ()),
        ({"recipe": "short", "align_weight": 3.0}, "mosaic", ("align_weight=3.0",)),
        ({"teacher": "runs/t/teacher.keras", "teacher_epochs": 5}, "mosaic", ()),
        ({"compare_with": ["kd"], "baseline_learning_rate": 0.02}, "mosaic", ()),
    ],
    ids=str,
)
def test_a_run_is_of_the_method_from_which_it_differs_least(changes, method, said):
    found = run(**changes)
    assert (found.method, found.changes) == (method, said)


@pytest.mark.parametrize("place", ["folder:/mnt/disk/town", "folder:town", "folder:../a/town/"])
def test_a_folder_is_known_by_its_last_name(place):
    assert run(ood_dataset=place).data == "town"


def test_baselines_are_runs_of_their_own():
    baseline = {"method": "kd", "name": "wrn16_1", "accuracy": 0.47, "seconds": 1800.0}
    entry = result(baselines=[baseline], baseline_learning_rate=0.02)
    own, found = runs_of(entry, "name", cells())
    assert (own.method, own.accuracy, own.seconds) == ("mosaic", 0.61, 5400.0)
    assert (found.method, found.accuracy, found.seconds) == ("kd", 0.47, 1800.0)
    assert found.changes == ("student_learning_rate=0.02", "temperature=1.0")


def test_a_baseline_has_its_own_temperature_and_nothing_that_is_beyond_the_paper():
    baseline = {"method": "kd", "name": "wrn16_1", "accuracy": 0.47}
    entry = result(baselines=[baseline], baseline_temperature=5.0, statistics_weight=1.0)
    own, found = runs_of(entry, "name", cells())
    assert own.changes == ("statistics_weight=1.0",)
    assert found.changes == ()


def test_a_gpu_is_the_machine_where_there_is_one():
    entry = result()
    entry["machine"]["gpus"] = ["A GPU", "A GPU"]
    assert runs_of(entry, "name", cells())[0].machine == "A GPU, A GPU"


@pytest.mark.parametrize(
    "changes",
    [
        {"ood_dataset": "tfds:mnist"},
        {"target_dataset": "tfds:cifar10"},
        {"ood_subset": 500},
        {"image_size": 64},
        {"pair": ("wrn40_2", "mobilenet")},
        {"pair": ("mobilenet", "wrn16_1")},
    ],
    ids=str,
)
def test_a_run_of_no_cell_is_refused(changes):
    with pytest.raises(RequestError, match="belongs to no cell") as caught:
        runs_of(result(**changes), "name", cells())
    for name, value in changes.items():
        assert str(value if name != "pair" else "_to_".join(value)) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("lacking", ["config", "student", "rounds", "seconds", "machine"])
def test_a_result_that_lacks_something_is_refused_with_its_name(lacking):
    entry = result()
    del entry[lacking]
    with pytest.raises(RequestError, match=lacking):
        runs_of(entry, "name", cells())


def test_a_result_without_accuracy_is_refused():
    with pytest.raises(RequestError, match="Nothing was evaluated. Expected accuracies"):
        runs_of(result(accuracy=None), "name", cells())


def test_places_on_the_machine_are_left_behind():
    config = asked(
        data_dir="/a/b",
        cache_dir="~/c",
        ood_dataset="folder:/a/b/town",
        teacher="/a/runs/wrn40_2/teacher.keras",
        student="wrn16_1",
    )
    kept = portable(config)
    assert (kept["data_dir"], kept["cache_dir"]) == ("", "")
    assert kept["ood_dataset"] == "folder:town"
    assert kept["teacher"] == "wrn40_2/teacher.keras"
    unchanged = set(config) - {"data_dir", "cache_dir", "ood_dataset", "teacher"}
    for name in unchanged:
        assert json.dumps(kept[name]) == json.dumps(config[name])


def test_a_teacher_by_a_relative_path_or_by_name_stays():
    for teacher in ("runs/wrn40_2/teacher.keras", "wrn40_2"):
        assert portable(asked(teacher=teacher))["teacher"] == teacher


# What lies in results/

RESULTS = pathlib.Path(__file__).resolve().parents[2] / "results"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_teacher_of_the_rows_on_digits_lies_beside_them(seed):
    teacher = load_teacher_file(RESULTS / "teachers" / f"digits_wrn16_1_seed{seed}.keras")
    digits = loading.load_target(
        DataConfig(target_dataset="embedded:digits", image_size=16, channels=1), training=False
    ).test
    logits = evaluation.predict_logits(teacher, digits.images)
    rows = [files.read_json(path) for path in RESULTS.glob(f"digits_from_photos-*-seed{seed}.json")]
    told = {row["teacher"]["accuracy"] for row in rows if "/" in row["config"]["teacher"]}
    assert told == {evaluation.top_k_accuracy(logits, digits.labels)}
