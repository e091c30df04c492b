"""The result.json of a finished run."""

import json

import pytest

from mosaickd_tf.config.removed import REMOVED
from mosaickd_tf.errors import RequestError
from mosaickd_tf.workdir.result_file import read_result


def write(folder, content):
    path = folder / "result.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_it_is_read_as_it_was_written(tmp_path):
    content = {"config": {"seed": 3}, "student_accuracy": 0.5}
    assert read_result(write(tmp_path, content)) == content
    assert read_result(str(tmp_path / "result.json"), keys=("student_accuracy",)) == content


def test_options_that_did_nothing_and_no_longer_exist_are_left_out(tmp_path):
    off = {name: value for name, (value, _) in REMOVED.items()}
    assert read_result(write(tmp_path, {"config": off | {"seed": 3}})) == {"config": {"seed": 3}}


@pytest.mark.parametrize("name", REMOVED)
def test_an_option_in_effect_that_no_longer_exists_is_named_with_its_version(tmp_path, name):
    path = write(tmp_path, {"config": {name: 7}})
    with pytest.raises(RequestError, match=f"`{name}` was removed.*{REMOVED[name][1]}"):
        read_result(path)


@pytest.mark.parametrize(
    "content, reason",
    [
        ("{", "which is broken"),
        ("[1, 2]", "which lacks them"),
        ({"seed": 3}, "which lacks them"),
        ({"config": "seed"}, "which lacks them"),
        ({"config": {}}, "which lacks them"),
    ],
)
def test_another_file_is_refused(tmp_path, content, reason):
    path = write(tmp_path, content)
    with pytest.raises(RequestError, match=f"with config, seed. Received: .*{reason}"):
        read_result(path, keys=("config", "seed"))


def test_a_missing_file_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(RequestError, match="which does not exist. Name that of a finished run"):
        read_result(tmp_path / "result.json")
