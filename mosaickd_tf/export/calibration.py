"""Images by which a converter measures the ranges of activations: never the teacher's own."""

import dataclasses

import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.export.formats import FORMATS

_NAMES = {"synthetic": "a generator, as a run of mosaic keeps it", "ood": "OOD images"}
_PARTS = {"synthetic": ("synthetic",), "ood": ("ood",), "mixed": ("synthetic", "ood")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """Images for calibration.

    Attributes:
        images: uint8 `(n, height, width, channels)`.
        counts: dict of the number of "synthetic" and of "ood" images.
    """

    images: np.ndarray
    counts: dict


def resolve_calibration(config, *, synthetic, ood):
    """Resolves which images calibrate, before any work is done.

    Args:
        config: an `ExportConfig`.
        synthetic: whether synthetic images will be available.
        ood: whether OOD images will be available.

    Returns:
        "synthetic", "ood", "mixed", or None where no requested format needs images.

    Raises:
        RequestError: when a format needs images that are not available.
    """
    calibrated = [name for name in config.exports if name in FORMATS and FORMATS[name].calibrated]
    if not calibrated:
        return None
    is_available = {"synthetic": synthetic, "ood": ood}
    available = [part for part, given in is_available.items() if given]
    if config.calibration == "auto" and available:
        return "mixed" if len(available) == 2 else available[0]
    parts = _PARTS.get(config.calibration, is_available)
    missing = [part for part in parts if part not in available]
    if missing:
        expected = " and ".join(_NAMES[part] for part in missing)
        received = " and ".join(_NAMES[part] for part in available) or "neither"
        raise RequestError(
            f"`calibration` {config.calibration} lacks images for `exports` "
            f"{','.join(calibrated)}. Expected {expected}. Received: {received}"
        )
    return config.calibration


def select_calibration(kind, count, *, synthetic, ood):
    """Selects the images that calibrate.

    Args:
        kind: as `resolve_calibration` returned it.
        count: how many images, split evenly between the parts of "mixed"; of fewer OOD images
            all are taken.
        synthetic: at least `count` uint8 images `(n, height, width, channels)`, or None.
        ood: uint8 images in random order, or None.

    Returns:
        A `Calibration`, or None for the kind None.
    """
    if kind is None:
        return None
    parts = _PARTS[kind]
    share = -(-count // len(parts))
    taken = {}
    if "synthetic" in parts:
        taken["synthetic"] = synthetic[:share]
    if "ood" in parts:
        taken["ood"] = ood[: count - share or share]
    return Calibration(
        images=np.concatenate(list(taken.values())),
        counts={part: len(images) for part, images in taken.items()},
    )
