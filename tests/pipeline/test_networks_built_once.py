"""Each network of a run is built once, in the validation, and trained in the run."""

import collections
import dataclasses

import pytest

from mosaickd_tf import models
from mosaickd_tf.methods import METHODS
from mosaickd_tf.methods.deep_inversion import DeepInversionConfig
from mosaickd_tf.pipeline import run, validate
from mosaickd_tf.workdir.run_folder import RunFolder
from tests import tiny
from tests.pipeline.small_run import Stopped, changed, stop

BUILDERS = ("build_classifier", "build_generator", "build_patch_discriminator")
ADVERSARIES = {"generator": "build_generator", "discriminator": "build_patch_discriminator"}


@pytest.fixture
def calls(monkeypatch):
    """Counts the calls of each builder of networks, by its name."""
    counts = collections.Counter()

    def counted(name):
        build = getattr(models, name)

        def builder(*args, **kwargs):
            counts[name] += 1
            return build(*args, **kwargs)

        return builder

    for name in BUILDERS:
        monkeypatch.setattr(models, name, counted(name))
    return counts


@pytest.fixture(scope="module")
def teacher_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("teacher") / "teacher.keras"
    tiny.classifier(input_shape=(8, 8, 1)).save(path)
    return str(path)


def config_of(teacher):
    """Returns the config of a run with the teacher of a file; two rounds suffice all methods."""
    sections = {"deep_inversion": DeepInversionConfig(steps=1)}
    return dataclasses.replace(changed("teacher", teacher=teacher), methods=sections)


def until_training(config, folder, monkeypatch):
    """Validates and runs a config, up to the training of its method."""
    monkeypatch.setattr(run, "train", stop)
    with pytest.raises(Stopped):
        run.run(config, folder)


@pytest.mark.parametrize("method", METHODS)
def test_no_network_of_a_method_is_built_twice(method, teacher_file, calls, tmp_path, monkeypatch):
    config = changed("method", config_of(teacher_file), method=method, compare_with=())
    until_training(config, tmp_path / "run", monkeypatch)
    expected = {"build_classifier": 1} | {
        builder: 1
        for network, builder in ADVERSARIES.items()
        if network in METHODS[method].method.networks
    }
    assert calls == expected


def test_a_baseline_has_its_own_student_built_once(teacher_file, calls, tmp_path, monkeypatch):
    until_training(config_of(teacher_file), tmp_path / "run", monkeypatch)
    assert calls == {"build_classifier": 2, "build_generator": 1, "build_patch_discriminator": 1}


def test_a_teacher_by_name_is_built_once(calls, tmp_path, monkeypatch):
    config = changed("method", compare_with=())
    until_training(config, tmp_path / "run", monkeypatch)
    assert calls["build_classifier"] == 2  # teacher and student


def test_the_run_trains_copies_of_the_networks_of_the_validation(
    teacher_file, tmp_path, monkeypatch
):
    config = changed("method", config_of(teacher_file), compare_with=())
    prepared = validate.validate_and_load(config)
    trained = []

    def train(distiller, *_, **__):
        trained.append(distiller)
        raise Stopped

    monkeypatch.setattr(run, "train", train)
    with RunFolder(tmp_path, config) as folder, pytest.raises(Stopped):
        run.Run(prepared, folder).execute()
    for name, model in prepared.method.networks.by_name.items():
        assert tiny.same_bits(tiny.values(model), tiny.values(getattr(trained[0], name)))
