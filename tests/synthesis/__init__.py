"""Folders of finished runs, written by hand, with generators or image banks."""

import numpy as np

from mosaickd_tf import export, models
from mosaickd_tf.methods.image_memory import ImageMemory
from mosaickd_tf.training.checkpoints import Checkpoints
from tests import report, tiny

BANK = np.random.RandomState(5).randint(0, 256, (6, 8, 8, 3), "uint8")


def write_run(folder, **more):
    """Writes a run with teacher and generator; returns both.

    Args:
        folder: of the run.
        **more: further content of its result.json.
    """
    about = report.result(image_size=8, channels=3) | more
    report.write_run(folder, about, channels=3)
    teacher = tiny.classifier()
    (folder / "teacher").mkdir()
    teacher.save(folder / "teacher" / "teacher.keras")
    generator = models.build_generator(image_size=8, noise_dim=6, base_filters=4)
    export.save_generator(generator, folder)
    return teacher, generator


def write_deep_inversion(folder):
    """Writes a run of DeepInversion that has finished the six images of `BANK`; no generator."""
    about = {"image_size": 8, "channels": 3, "deep_inversion_bank": 10}
    result = report.result(method="deep_inversion", baselines=(), **about)
    report.write_run(folder, result, channels=3)
    (folder / "teacher").mkdir()
    tiny.classifier().save(folder / "teacher" / "teacher.keras")
    bank = ImageMemory(10, tiny.IMAGE_SHAPE)
    bank.add(BANK.astype("float32") / 255)
    more = {"student": tiny.classifier(1)}  # as a run has it beside the bank
    Checkpoints(folder / "checkpoints", {"bank": bank} | more).save({"step": 300})
