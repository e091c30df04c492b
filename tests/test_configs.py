"""Flagfiles that compose: every data set with every pair and every method."""

import dataclasses
import functools
import pathlib
import re

import pytest

from mosaickd_tf import config as configuration
from mosaickd_tf import methods as distillers
from mosaickd_tf import models
from mosaickd_tf.cli import distill, flags, train_teacher
from mosaickd_tf.config import (
    DistillConfig,
    ExportConfig,
    MethodConfig,
    TeacherTrainingConfig,
    declared,
    from_sections,
    options,
)
from mosaickd_tf.config.method import FEATURES, TEACHER_FEATURES
from mosaickd_tf.data.datasets import DATASETS
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.features import feature_shapes
from mosaickd_tf.models import build_patch_discriminator, check_classifier_name
from mosaickd_tf.pipeline import validate
from mosaickd_tf.report.published import TABLES

CONFIGS = pathlib.Path(__file__).resolve().parents[1] / "configs"


def stems(room):
    return sorted(path.stem for path in (CONFIGS / room).glob("*.cfg"))


DATA, PAIRS, METHODS = map(stems, ("data", "pairs", "methods"))
COMPARING = [
    name
    for name, method in declared.methods().items()
    if {FEATURES, TEACHER_FEATURES} & set(method.needs)
]
PUBLISHED_DATA = [name for name in DATA if name.startswith("cifar100_from_")]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def composed(data, pair, method, *more):
    """Returns the config of a cell of the tables."""
    rooms = {"data": data, "pairs": pair, "methods": method}
    words = [f"--flagfile=configs/{room}/{name}.cfg" for room, name in rooms.items()]
    sections = flags.parse(distill.sections(), [*words, *more])
    sections.pop("output")
    return from_sections(DistillConfig, sections)


def changes(config, base):
    """Returns the options in which a config differs from another."""
    base = dict(options(base))
    return {name: value for name, value in options(config) if value != base[name]}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", DATA)
def test_every_cell_is_a_valid_request(data, method):
    for pair in PAIRS:
        config = composed(data, pair, method)
        for network in (config.teacher.teacher, config.networks.student):
            check_classifier_name(network)
        assert f"{config.teacher.teacher}_to_{config.networks.student}" == pair
        assert config.data.target_dataset in DATASETS
        assert config.data.ood_dataset in (*DATASETS, "folder:imagenet32", "")


@functools.cache
def untrained(name):
    """Builds a network of CIFAR's size, or the generator, once."""
    if name == "generator":
        return models.build_generator(image_size=32, channels=3, noise_dim=100, base_filters=64)
    return models.build_classifier(name, num_classes=100)


@pytest.mark.parametrize("method", COMPARING)
@pytest.mark.parametrize("pair", PAIRS)
def test_a_method_that_compares_features_finds_them_in_every_pair(pair, method):
    config = composed("cifar100_data_free", pair, method)
    kind, names = distillers.METHODS[method], {"teacher": config.teacher.teacher}
    names |= {"student": config.networks.student}
    if "generator" in kind.method.networks:
        names["generator"] = "generator"
    networks = {role: untrained(name) for role, name in names.items()}
    networks["student"].trainable = True  # a network that was the teacher of another pair is frozen
    made = kind(**networks, **kind.arguments(config, num_images=50_000))
    assert made.teacher_capture.layers
    if FEATURES in kind.method.needs:
        assert len(made.teacher_capture.layers) == len(made.student_capture.layers)
    if method in ("fitnet", "zskt"):
        sides = [feature_shapes(x) for x in (made.teacher_capture, made.student_capture)]
        assert [shape[:2] for shape in sides[0]] == [shape[:2] for shape in sides[1]]


# By the flagfile of a method, the flag that a run of few rounds needs beside it.
NEEDED_WHEN_SHORT = {"deep_inversion": (1000, "--deep_inversion_steps")}


def check_long_enough(config):
    """Raises `RequestError` when the rounds are too few for an option of the method."""
    validate._check_long_enough(config, [declared.methods()[config.method.method]])


@pytest.mark.parametrize("more", [(), ("--flagfile=configs/recipes/two_cores.cfg",)], ids=len)
@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("method", METHODS)
def test_a_cell_is_long_enough_or_its_flagfile_names_the_flag(data, method, more):
    config = composed(data, PAIRS[0], method, *more)
    least, flag = NEEDED_WHEN_SHORT.get(method, (1, ""))
    if config.optimization.rounds >= least:
        check_long_enough(config)
        return
    with pytest.raises(RequestError, match=flag.removeprefix("--")):
        check_long_enough(config)
    header = (CONFIGS / "methods" / f"{method}.cfg").read_text(encoding="utf-8")
    assert f"give {flag}=N" in " ".join(header.replace("#", "").split())
    check_long_enough(composed(data, PAIRS[0], method, *more, f"{flag}=10"))


def test_a_later_flag_wins_over_the_files():
    config = composed("cifar100_from_svhn", "wrn40_2_to_wrn16_1", "mosaic", "--rounds=5")
    assert config.optimization.rounds == 5


def test_the_published_recipe_is_that_of_the_defaults():
    """The defaults are compared with the paper in config/test_distillation.py."""
    config = composed("cifar100_from_cifar10", "wrn40_2_to_wrn16_1", "mosaic")
    assert changes(config, DistillConfig()) == {
        "target_dataset": "tfds:cifar100",
        "ood_dataset": "tfds:cifar10",
        "teacher": "wrn40_2",
        "validation_fraction": 0.0,
        "image_size": 32,
        "channels": 3,
        "patch_size": 10,
        "rounds": 39200,
        "batch_size": 256,
    }


@pytest.mark.parametrize("data", PUBLISHED_DATA)
def test_a_published_run_passes_200_times_over_its_pictures(data):
    config = composed(data, "wrn40_2_to_wrn16_1", "mosaic")
    pictures = config.data.ood_subset or DATASETS[config.data.ood_dataset].splits["train"].images
    epoch = -(-pictures // config.optimization.batch_size)
    assert config.optimization.rounds == 200 * epoch


def test_a_subset_is_as_large_as_the_teacher_s_training_set():
    for data in PUBLISHED_DATA:
        config = composed(data, "wrn40_2_to_wrn16_1", "mosaic")
        assert config.data.ood_subset == (
            50_000 if "_imagenet32_" in data or "_places" in data else 0
        )


def test_the_parts_of_the_quick_start_give_the_quick_start():
    parts = composed("digits_from_photos", "wrn16_1_to_wrn10_1", "mosaic_statistics")
    sections = flags.parse(distill.sections(), ["--flagfile=configs/quickstart.cfg"])
    sections.pop("output")
    whole = from_sections(DistillConfig, sections)
    own = {"method": MethodConfig(), "export": ExportConfig()}  # its baselines and its files
    assert dataclasses.replace(whole, **own) == parts


@pytest.mark.parametrize("term", ["local", "align", "adversarial", "balance"])
def test_an_ablation_of_a_term_takes_its_weight_and_nothing_else(term):
    base = composed("cifar100_from_cifar10", "wrn40_2_to_wrn16_1", "mosaic")
    config = composed("cifar100_from_cifar10", "wrn40_2_to_wrn16_1", f"no_{term}")
    assert changes(config, base) == {f"{term}_weight": 0.0}


@pytest.mark.parametrize("method", [name for name in METHODS if name.startswith("patch_")])
def test_an_ablation_of_the_patch_size_keeps_weight_times_patches(method):
    base = composed("cifar100_from_cifar10", "wrn40_2_to_wrn16_1", "mosaic")
    config = composed("cifar100_from_cifar10", "wrn40_2_to_wrn16_1", method)
    changed = changes(config, base)
    assert set(changed) == {"patch_size", "local_weight"}
    assert method == f"patch_{changed['patch_size']}"
    discriminator = build_patch_discriminator(
        image_size=32, patch_size=changed["patch_size"], base_filters=2
    )
    _, rows, columns, _ = discriminator.output_shape
    assert changed["local_weight"] * rows * columns == 64


@pytest.mark.parametrize("patch_size", [1, 4])
def test_on_the_digits_the_flag_in_its_header_keeps_that_product(patch_size):
    def product(config):
        discriminator = build_patch_discriminator(
            image_size=16, patch_size=config.networks.patch_size, base_filters=2
        )
        _, rows, columns, _ = discriminator.output_shape
        return config.methods["mosaic"].local_weight * rows * columns

    base = composed("digits_from_photos", "wrn16_1_to_wrn10_1", "mosaic")
    header = (CONFIGS / "methods" / f"patch_{patch_size}.cfg").read_text(encoding="utf-8")
    flag = re.search(r"(--local_weight=\S+) as well", header)[1]
    cell = composed("digits_from_photos", "wrn16_1_to_wrn10_1", f"patch_{patch_size}", flag)
    assert product(cell) == pytest.approx(product(base)) == pytest.approx(6.4)


@pytest.mark.parametrize("name", stems("teachers"))
def test_a_teacher_is_trained_by_the_published_recipe(name):
    sections = flags.parse(train_teacher.sections(), [f"--flagfile=configs/teachers/{name}.cfg"])
    sections.pop("output")
    changed = changes(from_sections(TeacherTrainingConfig, sections), TeacherTrainingConfig())
    network = changed.pop("teacher", "")
    assert name == "_".join(filter(None, ["cifar100", network]))
    schedule = {"teacher_batch_size": 256, "teacher_weight_decay": 1e-4}
    if network == "wrn16_2":  # ours, for two cores; the weight decay is the default
        schedule = {"teacher_batch_size": 64, "teacher_epochs": 24}
    data = {"target_dataset": "tfds:cifar100", "image_size": 32, "channels": 3}
    assert changed == data | {"validation_fraction": 0.0} | schedule


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.cfg")), ids=lambda path: path.stem)
def test_every_flagfile_says_where_it_comes_from_and_what_it_costs(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    header = lines[: next(i for i, line in enumerate(lines) if not line.startswith("#"))]
    assert any(line.startswith("# Source: ") for line in header)
    assert any(line.startswith("# Cost: ") for line in header)


@pytest.mark.parametrize("table", [t for t in TABLES if t.data], ids=lambda table: table.data)
def test_published_numbers_of_a_cell_stand_in_a_header_of_its_flagfiles(table):
    for method, cells in table.rows.items():
        if method not in METHODS or None in cells:
            continue
        rooms = (CONFIGS / "data" / f"{table.data}.cfg", CONFIGS / "methods" / f"{method}.cfg")
        headers = [path.read_text(encoding="utf-8").replace("#", "") for path in rooms]
        numbers = ", ".join(f"{cell:.2f}" for cell in cells)
        assert any(numbers in " ".join(header.split()) for header in headers), (method, numbers)


@pytest.mark.parametrize("name", configuration.METHODS)
def test_every_method_has_a_flagfile_that_names_it(name):
    made = composed("digits_from_photos", "wrn16_1_to_wrn10_1", name)
    assert made.method.method == name
