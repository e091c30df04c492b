"""Images that show a converter how large activations are: never the teacher's own."""

import dataclasses

import numpy as np

from mosaickd_tf.errors import RequestError
from mosaickd_tf.export.formats import FORMATS

_WORDS = {"synthetic": "a generator, as a run of mosaic keeps it", "ood": "OOD images"}
_PARTS = {"synthetic": ("synthetic",), "ood": ("ood",), "mixed": ("synthetic", "ood")}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calibration:
    """Images to calibrate with.

    Attributes:
        images: uint8 `(n, height, width, channels)`.
        counts: how many of them are "synthetic" and how many "ood".
    """

    images: np.ndarray
    counts: dict


def check(config, *, synthetic, ood):
    """Decides which images calibrate, before any work is done.

    Args:
        config: an `ExportConfig`.
        synthetic: whether there will be synthetic images.
        ood: whether there will be OOD images.

    Returns:
        "synthetic", "ood", "mixed", or None where no format asked for needs images.

    Raises:
        RequestError: when a format needs images that there are not.
    """
    needy = [name for name in config.exports if name in FORMATS and FORMATS[name].calibrated]
    if not needy:
        return None
    there = {"synthetic": synthetic, "ood": ood}
    at_hand = [part for part, given in there.items() if given]
    if config.calibration == "auto" and at_hand:
        return "mixed" if len(at_hand) == 2 else at_hand[0]
    missing = [part for part in _PARTS.get(config.calibration, there) if not there[part]]
    if missing:
        wanted = " and ".join(_WORDS[part] for part in missing)
        came = " and ".join(_WORDS[part] for part in at_hand) or "neither"
        raise RequestError(
            f"--calibration={config.calibration} lacks images for --exports={','.join(needy)}. "
            f"Expected {wanted}. Received: {came}"
        )
    return config.calibration


def gather(kind, count, *, synthetic, ood):
    """Takes the images.

    Args:
        kind: what `check` returned.
        count: how many images, split evenly between the parts of "mixed"; fewer OOD images
            than that are all taken.
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
