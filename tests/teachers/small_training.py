"""Training of a teacher that is over quickly."""

import numpy as np

from mosaickd_tf.config import DataConfig, RunConfig, TeacherConfig, TeacherTrainingConfig
from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.data.loading import TargetData

EPOCHS = 3
STEPS = 3  # batches in an epoch


def part(count, seed):
    """Returns images of dark and bright noise, labelled so."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count).astype("int32")
    images = rng.integers(0, 128, (count, 8, 8, 1)) + 128 * labels[:, None, None, None]
    return ImageSet(
        images=images.astype("uint8"), labels=labels, label_names=("dark", "bright"), source="tests"
    )


def target(validation=True):
    return TargetData(
        train=part(24, 0), validation=part(8, 1) if validation else None, test=part(10, 2)
    )


def config(seed=0, precision="float32", **teacher):
    options = {"teacher": "wrn10_1", "teacher_epochs": EPOCHS, "teacher_batch_size": 8}
    return TeacherTrainingConfig(
        data=DataConfig(target_dataset="folder:tests", image_size=8, channels=1),
        teacher=TeacherConfig(**options | teacher),
        run=RunConfig(seed=seed, precision=precision),
    )
