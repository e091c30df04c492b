"""Keras's settings and Python's search path, in new processes with the variables that users set."""

import json
import os
import subprocess
import sys

import pytest

from mosaickd_tf.utils import environment

COMMAND = "from mosaickd_tf.utils import environment; environment.set_up_command(); import keras\n"
FACTS = "print(keras.backend.backend(), keras.config.floatx(), keras.config.image_data_format())"


def run(code, **variables):
    """Runs code in a new process of this package; returns its outcome."""
    env = {**environment.of_child(), "TF_CPP_MIN_LOG_LEVEL": "3"}
    for name in ("KERAS_HOME", "KERAS_BACKEND"):
        env.pop(name, None)
    return subprocess.run(
        [sys.executable, "-c", code], env={**env, **variables}, capture_output=True, text=True
    )


@pytest.fixture
def keras_json(tmp_path):
    """Writes a keras.json of another backend, layout and float type; returns its folder."""
    settings = {"backend": "jax", "floatx": "float16", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    return str(tmp_path)


def test_a_command_has_keras_s_own_defaults(keras_json):
    code = f"{COMMAND}{FACTS}; import os; print(os.environ.get('TF_USE_LEGACY_KERAS'))"
    end = run(code, KERAS_HOME=keras_json, KERAS_BACKEND="torch", TF_USE_LEGACY_KERAS="1")
    assert end.stdout == "tensorflow float32 channels_last\nNone\n", end.stderr
    assert sorted(os.listdir(keras_json)) == ["keras.json"]


def test_the_library_runs_keras_on_tensorflow_and_says_so():
    end = run(f"import mosaickd_tf, keras; {FACTS}", KERAS_BACKEND="jax")
    assert end.stdout == "tensorflow float32 channels_last\n", end.stderr
    assert "KERAS_BACKEND=jax is replaced by tensorflow" in end.stderr


def test_a_keras_that_runs_on_another_backend_is_refused():
    code = (
        "import sys, types; keras = types.ModuleType('keras')\n"
        "keras.config = types.SimpleNamespace(backend=lambda: 'jax')\n"
        "sys.modules['keras'] = keras\n"
        "import mosaickd_tf"
    )
    last = run(code).stderr.splitlines()[-1]
    assert last.startswith("ImportError: Keras runs on another backend. Expected tensorflow.")
    assert "'jax'" in last and "KERAS_BACKEND=tensorflow" in last


def test_the_library_refuses_another_layout(keras_json):
    last = run("from mosaickd_tf import losses", KERAS_HOME=keras_json).stderr.splitlines()[-1]
    assert "keras.config.set_image_data_format('channels_last')" in last


@pytest.mark.parametrize(
    "paths, variables, expected",
    [
        (["", "/p", "/u", "/lib"], {"PYTHONPATH": "/u"}, ["", "/p", "/lib", "/u"]),
        (["/p", "/lib"], {environment.USER_PATH: "/u:/v"}, ["/p", "/lib", "/u", "/v"]),
        (["/p", "/lib"], {environment.USER_PATH: "/lib:"}, ["/p", "/lib"]),
        (["/u/../u", "/lib"], {"PYTHONPATH": "/u/../u:"}, ["/lib", "/u/../u"]),
        (["/p"], {}, ["/p"]),
    ],
)
def test_folders_of_the_user_come_last(paths, variables, expected):
    assert environment._ordered(paths, variables) == expected


@pytest.mark.parametrize("own", [environment._PROJECT, f"{sys.prefix}/lib/site-packages"])
def test_the_project_and_the_packages_of_python_keep_their_place(own):
    assert environment._ordered([own, "/lib"], {"PYTHONPATH": own}) == [own, "/lib"]


def test_a_child_has_the_modules_of_this_process(tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')")
    code = "from mosaickd_tf.utils import environment as e; e.set_up_command(); import subprocess\n"
    child = "import numpy, sys; print(numpy.ones(2).sum(), '\\u65e5')"
    code += f"subprocess.run([{sys.executable!r}, '-c', {child!r}], env=e.of_child(), check=True)"
    end = run(code, PYTHONPATH=f"{environment._PROJECT}{os.pathsep}{tmp_path}")
    assert end.stdout == "2.0 日\n", end.stderr
