"""Facts about the machine, and the precision chosen by them."""

import json
import os
import pathlib
import subprocess
import types

import keras
import pytest
import tensorflow as tf

from mosaickd_tf.utils import machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
XEON = "processor\t: 0\nmodel name\t: A Processor @ 2.0GHz\nflags\t\t: fpu avx512f {}\n"


@pytest.fixture
def processor(monkeypatch):
    """Sets the content of /proc/cpuinfo; there is no GPU."""
    read_text = pathlib.Path.read_text

    def set_cpuinfo(text):
        def read(path, *args, **kwargs):
            if str(path) != "/proc/cpuinfo":
                return read_text(path, *args, **kwargs)
            if text is None:
                raise FileNotFoundError(path)
            return text

        monkeypatch.setattr(pathlib.Path, "read_text", read)
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])

    return set_cpuinfo


@pytest.mark.parametrize(
    "flags, policy",
    [
        ("amx_bf16 amx_tile", "mixed_bfloat16"),
        ("avx512_bf16", "mixed_bfloat16"),
        ("avx512_vnni", "float32"),
    ],
)
def test_auto_is_bfloat16_where_the_processor_computes_in_it(processor, flags, policy):
    processor(XEON.format(flags))
    assert machine.resolve_precision("auto") == policy


@pytest.mark.parametrize(
    "capability, policy",
    [
        ((9, 0), "mixed_bfloat16"),
        ((8, 0), "mixed_bfloat16"),
        ((7, 5), "mixed_float16"),  # tensor cores for float16 only
        ((6, 1), "float32"),
    ],
)
def test_a_gpu_takes_precedence_over_the_processor(processor, monkeypatch, capability, policy):
    processor(XEON.format("amx_bf16"))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["a GPU"])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda _: {"compute_capability": capability},
    )
    assert machine.resolve_precision("auto") == policy


def test_an_unknown_processor_computes_in_float32(processor):
    processor(None)
    assert machine.resolve_precision("auto") == "float32"


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_an_explicit_precision_is_kept(processor, precision):
    processor(XEON.format("amx_bf16"))
    assert machine.resolve_precision(precision) == precision


def test_the_record_has_packages_machine_and_precision(processor):
    processor(XEON.format("amx_bf16"))
    record = machine.versions("float32")
    assert json.loads(json.dumps(record)) == record
    assert record["packages"]["keras"] == keras.__version__
    assert record["packages"]["tensorflow"] == tf.__version__
    assert record["machine"]["processor"] == "A Processor @ 2.0GHz"
    assert record["machine"]["cores"] >= 1
    assert record["machine"]["gpus"] == []
    assert record["precision"] == "float32"


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(machine, "PACKAGES", ("no-such-package",))
    assert machine.versions("float32")["packages"] == {"no-such-package": None}


def test_the_commit_is_git_s(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "__file__", str(tmp_path / "mosaickd_tf/utils/machine.py"))
    assert machine.versions("float32")["git_commit"] is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    assert machine.versions("float32")["git_commit"] is None
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "first"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert machine.versions("float32")["git_commit"] == head.stdout.strip()
    subprocess.run([*git, "tag", "v1"], check=True)
    (tmp_path / "untracked").write_text("1")
    assert machine.versions("float32")["git_commit"] == head.stdout.strip()
    subprocess.run([*git, "add", "untracked"], check=True)
    assert machine.versions("float32")["git_commit"] == f"{head.stdout.strip()}-dirty"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a git checkout")
def test_the_commit_of_this_source_tree_is_found():
    head = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
    expected = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    assert machine.versions("float32")["git_commit"].removesuffix("-dirty") == expected


def test_auto_compiles_with_xla_on_a_gpu_only(monkeypatch):
    for gpus in ([], ["a GPU"]):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind, gpus=gpus: gpus)
        assert machine.compiles_with_xla("auto") is bool(gpus)
        assert machine.compiles_with_xla(True) and machine.compiles_with_xla("true")
        assert not machine.compiles_with_xla(False) and not machine.compiles_with_xla("false")


def test_a_gpu_is_recorded_by_its_product_name(monkeypatch):
    gpu = types.SimpleNamespace(name="/physical_device:GPU:0")
    details = {"device_name": "A GPU 9000"}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [gpu])
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda _: details)
    assert machine.versions("float32")["machine"]["gpus"] == ["A GPU 9000"]
    details.clear()
    assert machine.versions("float32")["machine"]["gpus"] == ["/physical_device:GPU:0"]


def test_cores_are_those_available_to_the_process(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {2, 5, 7}, raising=False)
    assert machine.versions("float32")["machine"]["cores"] == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    assert machine.versions("float32")["machine"]["cores"] == 8
