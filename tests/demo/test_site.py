"""Served files: only the page's own parts, and a policy that allows them."""

import base64
import hashlib
import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf import demo, export
from mosaickd_tf.demo.site import PAGE
from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks import get_task
from mosaickd_tf.utils import files
from tests import report
from tests.demo import digits, student, write_packages, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Writes a run; returns its folder and the digits in its samples."""
    folder = tmp_path_factory.mktemp("run")
    return folder, write_run(folder)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return write_packages(tmp_path_factory.mktemp("packages"))


def about(site):
    return json.loads(site.files["/about.json"].read())


def test_the_page_has_facts_on_its_models_labels_and_images(run, packages):
    facts = about(demo.site(run[0], packages))
    assert facts["image"] == {"height": 16, "width": 16, "channels": 1}
    assert facts["labels"] == list("0123456789")
    assert facts["title"] == "wrn10_1, distilled from wrn16_1"
    assert "96.48 %" in facts["lead"]
    assert [(m["name"], m["scale"], m["returns"]) for m in facts["models"]] == [
        ("float32", 1.0, "probabilities"),
        ("int8", 1 / 256, "probabilities"),
    ]
    size = (run[0] / "export" / "student_int8.tflite").stat().st_size
    assert facts["models"][1]["bytes"] == size


def test_the_runs_own_images_are_offered_synthetic_ones_first(run, packages):
    site = demo.site(run[0], packages)
    facts = about(site)["examples"]
    assert facts[3] == {"path": "/examples/3.png", "what": "Synthetic; the teacher predicts 3"}
    assert [entry["what"] for entry in facts[10:]] == [f"OOD image {n}" for n in (1, 2, 3, 4)]
    with Image.open(io.BytesIO(site.files["/examples/3.png"].read())) as picture:
        np.testing.assert_array_equal(np.asarray(picture), run[1][3, ..., 0])


def test_without_synthetic_images_ood_ones_are_left(run, tmp_path, packages):
    shutil.copytree(run[0], tmp_path, dirs_exist_ok=True)
    (tmp_path / "samples" / "by_class.png").unlink()
    facts = about(demo.site(tmp_path, packages))
    assert [entry["what"] for entry in facts["examples"]][0] == "OOD image 1"


def test_logits_are_known_as_such(run, tmp_path, packages):
    shutil.copytree(run[0], tmp_path, dirs_exist_ok=True)
    path = tmp_path / "export" / "student_float32.tflite"
    export.save_tflite(student(digits()[0]), path, outputs="logits")
    names = [(m["name"], m["returns"]) for m in about(demo.site(tmp_path, packages))["models"]]
    assert names == [("float32", "logits"), ("int8", "probabilities")]


def test_a_run_of_several_labels_is_marked_and_its_probabilities_need_no_sum(
    run, tmp_path, packages
):
    shutil.copytree(run[0], tmp_path, dirs_exist_ok=True)
    result = files.read_json(tmp_path / "result.json")
    files.write_json(tmp_path / "result.json", result | {"task": "multi_label"})
    train = digits()[0]
    task, folder = get_task("multi_label"), tmp_path / "export"
    export.save_tflite(student(train), folder / "student_float32.tflite", task=task)
    export.save_tflite_int8(
        student(train), folder / "student_int8.tflite", task=task, calibration=train.images[:100]
    )
    facts = about(demo.site(tmp_path, packages))
    assert facts["multi_label"]
    assert [m["returns"] for m in facts["models"]] == ["probabilities", "probabilities"]
    assert not about(demo.site(run[0], packages))["multi_label"]


def test_all_that_the_page_names_is_served_and_nothing_of_elsewhere(run, packages):
    site = demo.site(run[0], packages)
    html = site.files["/"].read().decode()
    named = re.findall(r'(?:src|href)="([^"]*)"', html)
    imports = json.loads(re.search(r'"importmap">(.*?)</script>', html, re.DOTALL).group(1))
    for path in PAGE.glob("*.js"):
        lines = re.findall(r'^import .* from "([^"]*)"', path.read_text(), re.MULTILINE)
        named += [line.removeprefix(".") for line in lines if line.startswith(".")]
        assert {line for line in lines if not line.startswith(".")} <= set(imports["imports"])
    named += imports["imports"].values()
    assert {"/main.js", "/image.js", "/demo.css"} <= set(named)
    assert set(named) - set(site.files) == {"data:,"}
    text = "".join(path.read_text() for path in PAGE.iterdir())
    assert not re.search(r"https?:|//\w|eval\(|innerHTML|\son\w+=\"", text)


def test_the_policy_admits_the_import_map_and_no_other_script_in_the_page(run, packages):
    site = demo.site(run[0], packages)
    html = site.files["/"].read().decode()
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, re.DOTALL)
    inline = [text for _, text in scripts if text]
    assert len(inline) == 1
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in site.policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'self' 'wasm-unsafe-eval' 'sha256-{digest}'"
    assert rules["connect-src"] == rules["style-src"] == "'self'"
    assert "unsafe-inline" not in site.policy and "*" not in site.policy
    assert " style=" not in html


def test_a_run_without_files_for_a_browser_is_refused(tmp_path, packages):
    report.write_run(tmp_path, report.result())
    with pytest.raises(RequestError, match="student_float32.tflite or student_int8.tflite"):
        demo.site(tmp_path, packages)
    with pytest.raises(RequestError, match="result.json"):
        demo.site(tmp_path / "export", packages)
    files.write_text(tmp_path / "export" / "student_int8.tflite", "no model")
    with pytest.raises(RequestError, match="Not a readable model"):
        demo.site(tmp_path, packages)
