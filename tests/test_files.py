"""Files are there whole or not at all."""

import json
import os

import pytest

from mosaickd_tf import files


class Killed(BaseException):
    """Stands for what ends a process in the middle of a write."""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_and_nothing_is_left_beside_it(tmp_path):
    with files.whole(tmp_path / "new" / "a.txt") as partial:
        partial.write_text("new")
    assert (tmp_path / "new" / "a.txt").read_text() == "new"
    assert names(tmp_path / "new") == ["a.txt"]


def test_nothing_is_at_the_path_before_the_end(tmp_path):
    with files.whole(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        assert not (tmp_path / "a.txt").exists()


@pytest.mark.parametrize("error", [ValueError, Killed])
def test_after_an_error_the_old_file_is_there_and_no_partial(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(error), files.whole(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise error
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_after_an_error_the_old_folder_is_there_and_no_partial(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with pytest.raises(ValueError), files.whole(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "half").touch()
        raise ValueError
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["old"]


def test_a_folder_takes_the_place_of_a_folder_and_keeps_nothing_of_it(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "old").touch()
    with files.whole(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["new"]


def test_a_link_takes_the_place_of_a_link_and_its_old_target_stays(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").write_text(name)
    for name in ("one", "two"):
        with files.whole(tmp_path / "last") as partial:
            os.symlink(name, partial)
    assert (tmp_path / "last" / "content").read_text() == "two"
    assert (tmp_path / "one" / "content").read_text() == "one"
    assert names(tmp_path) == ["last", "one", "two"]


def test_what_a_killed_process_left_is_not_mixed_into_the_next(tmp_path):
    with files.whole(tmp_path / "model") as partial:
        partial.mkdir()
        (partial / "new").touch()
        leftover = partial
    leftover.mkdir()
    (leftover / "stale").touch()
    with files.whole(tmp_path / "model") as partial:
        assert not partial.exists()
        partial.mkdir()
    assert names(tmp_path / "model") == []


def test_the_name_to_write_to_keeps_the_suffix(tmp_path):
    with files.whole(tmp_path / "student.keras") as partial:
        assert partial.suffix == ".keras"
        assert partial.parent == tmp_path
        partial.touch()


def test_text_is_utf8(tmp_path):
    files.write_text(tmp_path / "labels.txt", "Löwe\n")
    assert (tmp_path / "labels.txt").read_bytes() == b"L\xc3\xb6we\n"


def test_json_comes_back(tmp_path):
    content = {"accuracy": 0.1, "macs": None, "names": ["ä", "b"], "rounds": 3}
    files.write_json(tmp_path / "result.json", content)
    assert files.read_json(tmp_path / "result.json") == content
    assert json.loads((tmp_path / "result.json").read_text()) == content


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_a_number_that_is_not_finite_and_keeps_the_old_file(tmp_path, number):
    files.write_json(tmp_path / "result.json", {"loss": 1.0})
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "result.json", {"loss": number})
    assert files.read_json(tmp_path / "result.json") == {"loss": 1.0}
    assert names(tmp_path) == ["result.json"]


def test_a_json_file_that_is_not_there_is_none(tmp_path):
    assert files.read_json(tmp_path / "result.json") is None


def test_remove_takes_files_folders_and_links_but_not_what_a_link_points_to(tmp_path):
    folder, link, dangling = tmp_path / "folder", tmp_path / "link", tmp_path / "dangling"
    (folder / "inside").mkdir(parents=True)
    link.symlink_to("folder")
    dangling.symlink_to("nowhere")
    files.remove(link)
    files.remove(dangling)
    assert names(tmp_path) == ["folder"]
    assert names(folder) == ["inside"]
    files.remove(folder)
    files.remove(tmp_path / "not there")
    assert names(tmp_path) == []


# Several together


def test_files_written_together_replace_their_namesakes_and_no_others(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()
    (tmp_path / "other").write_text("mine")
    with files.together(tmp_path) as place:
        (place / "a").write_text("new")
        (place / "folder").mkdir()
        (place / "folder" / "new").touch()
        assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a", "folder", "other"]
    assert (tmp_path / "a").read_text() == "new"
    assert names(tmp_path / "folder") == ["new"]


def test_after_an_error_everything_is_as_it_was(tmp_path):
    (tmp_path / "a").write_text("old")
    for folder in (tmp_path, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt), files.together(folder) as place:
            (place / "a").write_text("half")
            raise KeyboardInterrupt
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_what_a_killed_process_left_is_swept_away(tmp_path):
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "half").touch()
    with files.together(tmp_path) as place:
        (place / "a").touch()
    assert names(tmp_path) == ["a"]
