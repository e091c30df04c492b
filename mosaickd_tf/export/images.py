"""The images beside a student: what calibrates its files and what they are compared on."""

import dataclasses
import typing

import numpy as np

from mosaickd_tf.data.images import ImageSet
from mosaickd_tf.export import calibration
from mosaickd_tf.export.exporter import export_student

COMPARED = 500  # images of each kind on which exports are compared where there is no test part


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportImages:
    """What is at hand.

    Attributes:
        test: the labelled test part, or None; it is compared on, and never calibrates.
        ood: an `ImageSet` of OOD images, or None.
        synthesize: from a number to so many synthetic uint8 images, or None.
        label_names: a name for each class, or nothing.
    """

    test: ImageSet | None = None
    ood: ImageSet | None = None
    synthesize: typing.Callable | None = None
    label_names: tuple = ()


def export_with_images(student, folder, config, supplies, compressed=()):
    """Calibrates with and compares on what is at hand; see `export_student`.

    Without a test part the files are compared on synthetic and OOD images, as far as there are
    any: on others than those that calibrate, where there are enough.

    Args:
        student: Keras model from unit images to logits.
        folder: where the files go.
        config: an `ExportConfig`.
        supplies: the `ExportImages`.
        compressed: as `export_student` takes them.

    Returns:
        As `export_student`.

    Raises:
        RequestError: also when a format needs images that there are not.
    """
    kind = calibration.check(
        config, synthetic=supplies.synthesize is not None, ood=supplies.ood is not None
    )
    wanted = config.calibration_images + COMPARED
    synthetic = supplies.synthesize and supplies.synthesize(wanted)
    ood = None if supplies.ood is None else supplies.ood.sample(wanted).images
    compared = supplies.test or _without_labels(synthetic, ood)
    return export_student(
        student,
        folder,
        config,
        compared.images,
        labels=compared.labels,
        label_names=supplies.label_names,
        calibration=calibration.gather(
            kind, config.calibration_images, synthetic=synthetic, ood=ood
        ),
        compressed=compressed,
        compared_on=f"{len(compared):,} images: {compared.source}",
    )


def _without_labels(synthetic, ood):
    parts = {"synthetic": synthetic, "OOD": ood}
    parts = {name: images[-COMPARED:] for name, images in parts.items() if images is not None}
    return ImageSet(images=np.concatenate(list(parts.values())), source=" and ".join(parts))
