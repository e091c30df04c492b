import contextlib
import os
import pathlib
import re
import runpy
import subprocess
from unittest import mock

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import mosaickd_tf

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path for path in (ROOT / "bin").iterdir() if path.is_file())


@pytest.fixture(scope="module")
def arguments():
    """Returns the arguments with which setup.py calls setuptools."""
    with contextlib.chdir(ROOT), mock.patch("setuptools.setup") as setup:
        runpy.run_path("setup.py")
    return setup.call_args.kwargs


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


@pytest.mark.parametrize("extra", ["", "dev", "docs"])
def test_ranges_admit_the_pins(arguments, pins, extra):
    lines = arguments["extras_require"][extra] if extra else arguments["install_requires"]
    for line in lines:
        requirement = Requirement(line)
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier, line


def test_version_is_that_of_the_package(arguments):
    assert arguments["version"] == mosaickd_tf.__version__


def test_python_range(arguments):
    versions = SpecifierSet(arguments["python_requires"])
    assert [v for v in ("3.10.9", "3.11.0", "3.12.9", "3.13.0") if v in versions] == [
        "3.11.0",
        "3.12.9",
    ]


def test_console_scripts_and_bin_are_the_same_commands(arguments):
    installed = {
        tuple(re.split(r"\s*=\s*", line)) for line in arguments["entry_points"]["console_scripts"]
    }
    in_bin = {
        (f"mosaickd-{path.name.replace('_', '-')}", f"mosaickd_tf.cli.{path.name}:main")
        for path in SCRIPTS
        if f"-m mosaickd_tf.cli.{path.name} " in path.read_text()
    }
    assert installed == in_bin
    assert {"distill", "train_teacher", "evaluate", "export", "report"} <= {
        path.name for path in SCRIPTS
    }


def test_entry_points_exist(arguments):
    for line in arguments["entry_points"]["console_scripts"]:
        module, function = line.split("=")[1].strip().split(":")
        source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
        assert re.search(rf"^def {function}\(\)|^{function} = ", source, re.MULTILINE), line


@pytest.mark.parametrize("path", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_script_can_be_run(path):
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith("#!")


def test_all_flagfiles_and_parts_of_pages_are_installed(arguments):
    with contextlib.chdir(ROOT):
        build = setuptools.Distribution(arguments).get_command_obj("build_py")
        build.ensure_finalized()
        installed = {
            pathlib.Path(folder, name) for _, _, folder, names in build.data_files for name in names
        }
        flagfiles = {
            pathlib.Path(build.build_lib, "mosaickd_tf", path)
            for path in pathlib.Path("configs").rglob("*.cfg")
        }
        pages = {
            pathlib.Path(build.build_lib, path)
            for suffix in ("css", "html", "js", "json")
            for path in pathlib.Path().glob(f"mosaickd_tf/**/*.{suffix}")
        }
    assert flagfiles and pages
    expected = flagfiles | pages
    assert installed == expected


def test_no_file_names_a_package_index():
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if files.returncode:
        pytest.skip("not a git checkout")
    index = re.compile(
        rb"pypi\.org|pythonhosted\.org|pytorch\.org/whl|--[a-z-]*index[-]url|npmjs\."
    )
    for name in filter(None, files.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            found = index.search(path.read_bytes())
            assert not found, f"{name}: {found}"
