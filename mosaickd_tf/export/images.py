"""Images for an export: those that calibrate files and those on which they are compared."""

import dataclasses
import typing

import numpy as np

from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.export import calibration
from mosaickd_tf.export.exporter import export_student
from mosaickd_tf.tasks import TASKS

COMPARED = 500  # images of each kind on which exports are compared without a test split


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportImages:
    """Images that are available to an export.

    Attributes:
        test: the labelled test split, or None; files are compared on it, it never calibrates.
        ood: an `ImageSet` of OOD images, or None.
        synthesize: function of a count that returns as many synthetic uint8 images, or None.
        label_names: a name for each class; may be empty.
    """

    test: ImageSet | None = None
    ood: ImageSet | None = None
    synthesize: typing.Callable | None = None
    label_names: tuple = ()


def export_with_images(
    student, folder, config, available, compressed=(), task=TASKS["single_label"]
):
    """Exports a student, calibrated with and compared on the available images.

    Without a test split the files are compared on synthetic and OOD images, as far as available:
    on others than those that calibrate, where there are enough.

    Args:
        student: Keras model from unit images to logits.
        folder: where the files go.
        config: an `ExportConfig`.
        available: the `ExportImages`.
        compressed: as of `export_student`.
        task: `Task` of the student.

    Returns:
        As `export_student`.

    Raises:
        RequestError: as `export_student`, and when a format needs images that are not available.
    """
    kind = calibration.resolve_calibration(
        config, synthetic=available.synthesize is not None, ood=available.ood is not None
    )
    count = config.calibration_images + COMPARED
    synthetic = available.synthesize and available.synthesize(count)
    ood = None if available.ood is None else available.ood.sample(count).images
    compared = available.test or _without_labels(synthetic, ood)
    return export_student(
        student,
        folder,
        config,
        compared.images,
        task=task,
        labels=compared.labels,
        label_names=available.label_names,
        calibration=calibration.select_calibration(
            kind, config.calibration_images, synthetic=synthetic, ood=ood
        ),
        compressed=compressed,
        compared_on=f"{len(compared):,} images: {compared.source}",
    )


def _without_labels(synthetic, ood):
    parts = {"synthetic": synthetic, "OOD": ood}
    parts = {name: images[-COMPARED:] for name, images in parts.items() if images is not None}
    return ImageSet(images=np.concatenate(list(parts.values())), source=" and ".join(parts))
