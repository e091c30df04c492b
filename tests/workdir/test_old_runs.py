"""Finished runs of version 0.1.0 are reported, exported, evaluated and synthesized from."""

import json

import pytest

from mosaickd_tf import export, synthesis
from mosaickd_tf.config import (
    EvaluationConfig,
    ExportConfig,
    ExportSourceConfig,
    SynthesisConfig,
)
from mosaickd_tf.evaluation.model_file import evaluate_file
from mosaickd_tf.export.sources import open_student
from mosaickd_tf.report import page
from mosaickd_tf.utils import files
from tests import report, tiny
from tests.synthesis import write_run

# The options that were removed, as every result.json of that version has them.
REMOVED = {
    "memory_size": 0,
    "generator_restart_every": 0,
    "generator_steps_per_round": 1,
    "conditional_weight": 0.0,
    "adversarial_warmup": 0,
}


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Writes the folder of such a run, on digits of 8×8 pixels, with its generator."""
    folder = tmp_path_factory.mktemp("old")
    write_run(folder)
    digits = {"target_dataset": "embedded:digits", "ood_dataset": "embedded:photos"}
    config = report.result(image_size=8, channels=3, ood_fit="crops", **digits)["config"]
    del config["task"]
    files.write_json(folder / "result.json", report.result() | {"config": config | REMOVED})
    path = folder / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[-1] |= {"student_variety": 0.625, "agreement_at_hand": 0.75}
    report.write_rows(path, rows)
    export.save_student(tiny.classifier(1), folder / "export" / "student.keras")
    return folder


def test_it_is_reported_with_the_present_names_of_its_metrics(old):
    text = page.write(old).read_text()
    assert "Diversity of the student" in text and "ends at 0.625" in text
    assert "ends at 75 %" in text and "variety" not in text
    assert "96.48 %" in text


def test_it_is_exported_again_and_compared_on_its_test_split(old, tmp_path):
    config = ExportConfig(exports=("keras", "tflite_float32"))
    student = old / "export" / "student.keras"
    entries = export.export_file(student, tmp_path, ExportSourceConfig(workdir=str(old)), config)
    assert [entry["path"] for entry in entries] == [
        "student.keras",
        "serving.keras",
        "student_float32.tflite",
    ]
    assert {e["compared_on"] for e in entries} == {"597 images: embedded:digits (test)"}
    assert (tmp_path / "labels.txt").read_text().split() == list("0123456789")


def test_its_generator_calibrates_other_exports(old):
    source = ExportSourceConfig(workdir=str(old))
    _, task, images = open_student(old / "export" / "student.keras", source)
    assert task.name == "single_label"
    assert images.synthesize(3).shape == (3, 8, 8, 3)


def test_its_student_is_evaluated(old):
    model = str(old / "export" / "student.keras")
    config = EvaluationConfig(model=model, target_dataset="embedded:digits")
    numbers = evaluate_file(config)
    assert numbers["images"] == 597 and len(numbers["per_class"]) == 10


def test_images_are_synthesized_from_it(old, tmp_path):
    config = SynthesisConfig(workdir=str(old), count=5, output_dir=str(tmp_path / "out"))
    _, about = synthesis.synthesize(config)
    assert sum(about["classes"]) == 5
    assert len(list((tmp_path / "out").rglob("*.png"))) == 5
