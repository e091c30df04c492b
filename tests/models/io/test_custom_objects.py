"""Layers and functions from a module that the user names run only with permission."""

import sys

import keras
import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.io.custom_objects import load_custom_objects

SOURCE = """
import pathlib
import keras
from keras.layers import Dense
import beside

class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return beside.FACTOR * inputs

def halved(values):
    return values / 2

LIMIT = 3
pathlib.Path(__file__).with_name("it ran").touch()
"""


@pytest.fixture(autouse=True)
def modules_kept(custom_objects_kept):
    yield
    sys.modules.pop("beside", None)


@pytest.fixture
def module(tmp_path):
    (tmp_path / "beside.py").write_text("FACTOR = 2\n")
    path = tmp_path / "their layers.py"
    path.write_text(SOURCE)
    return path


def test_none_are_loaded_from_no_module():
    assert load_custom_objects("", False) == {} == load_custom_objects("", True)


def test_layers_and_functions_are_found_by_name_and_registered(module):
    before = list(sys.path)
    found = load_custom_objects(str(module), True)
    assert set(found) == {"Doubled", "halved"}
    assert found["Doubled"]()(keras.ops.ones((1, 2))).numpy().tolist() == [[2, 2]]
    assert keras.saving.get_custom_objects()["halved"](4) == 2
    assert sys.path == before


def test_without_permission_nothing_runs(module):
    with pytest.raises(RequestError, match="code that runs. Expected `allow_code`"):
        load_custom_objects(module, False)
    assert not module.with_name("it ran").exists()


@pytest.mark.parametrize("name", ["none.py", "module.txt", "folder.py"])
def test_what_is_no_module_is_refused(tmp_path, name):
    (tmp_path / "module.txt").write_text("")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(RequestError, match="No such module. Expected `custom_objects` as a .py"):
        load_custom_objects(tmp_path / name, True)


@pytest.mark.parametrize(
    "source, words",
    [
        ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("def (", "SyntaxError"),
        ("raise ValueError('first\\nsecond')", "ValueError: first[)]"),
    ],
)
def test_a_module_that_cannot_be_run_is_refused_in_one_line(tmp_path, source, words):
    path = tmp_path / "module.py"
    path.write_text(source)
    with pytest.raises(RequestError, match=words) as caught:
        load_custom_objects(path, True)
    assert len(str(caught.value).splitlines()) == 1
