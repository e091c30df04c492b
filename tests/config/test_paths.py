"""Paths in options: `~`, folders with a prefix, and the same files from another folder."""

import os

import pytest

from mosaickd_tf.config import DataConfig, DistillConfig, NetworksConfig, TeacherConfig, paths


@pytest.mark.parametrize(
    "parse, given, expected",
    [
        (paths.path, "~/a.keras", "/home/me/a.keras"),
        (paths.network, "wrn10_1", "wrn10_1"),
        (paths.network, "~/a.keras", "/home/me/a.keras"),
        (paths.data_set, "folder:~/images", "folder:/home/me/images"),
        (paths.data_set, "tfds:~", "tfds:~"),
        (paths.data_set, "embedded:digits", "embedded:digits"),
    ],
)
def test_home_is_expanded_where_a_path_stands(monkeypatch, parse, given, expected):
    monkeypatch.setenv("HOME", "/home/me")
    assert parse(given) == expected


@pytest.mark.parametrize("name, is_file", [("wrn10_1", False), ("a.keras", True), ("b/c", True)])
def test_a_network_with_a_suffix_or_a_separator_is_a_file(name, is_file):
    assert paths.names_file(name) is is_file


def test_a_folder_of_a_saved_model_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrn10_1").mkdir()
    assert not paths.names_file("wrn10_1")
    (tmp_path / "wrn10_1" / "saved_model.pb").touch()
    assert paths.names_file("wrn10_1")


def test_a_config_means_the_same_files_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = paths.with_absolute_paths(
        DistillConfig(
            data=DataConfig(ood_dataset="folder:images", target_dataset="embedded:digits"),
            teacher=TeacherConfig(teacher="teacher.keras"),
            networks=NetworksConfig(student="wrn10_1"),
        )
    )
    here = os.path.realpath(tmp_path)
    assert config.data.ood_dataset == f"folder:{here}/images"
    assert config.teacher.teacher == f"{here}/teacher.keras"
    unchanged = config.data.target_dataset, config.networks.student, config.data.labels
    assert unchanged == ("embedded:digits", "wrn10_1", "")


def test_the_folder_above_a_linked_one_is_that_of_its_target(tmp_path, monkeypatch):
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "near").symlink_to(tmp_path / "far" / "deep")
    monkeypatch.chdir(tmp_path)
    absolute = paths.absolute_options(DistillConfig())["teacher"]
    assert absolute("near/../a.keras") == os.path.realpath(tmp_path / "far") + "/a.keras"
