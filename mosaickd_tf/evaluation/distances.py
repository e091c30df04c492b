"""How far the patches of synthetic images are from those of OOD images, in plain numbers."""

import math

import numpy as np


def jensen_shannon_estimate(patch_discrimination_loss, patches):
    """What the discriminator's loss says of the divergence between the two kinds of patches.

    A discriminator `d` that is shown as many OOD patches `p` as synthetic ones `q` has the
    cross entropy `(E_p[-ln d] + E_q[-ln(1 - d)]) / 2` a patch. It is least at
    `d = p / (p + q)`, where it is `ln 2 - JSD(p, q)` (Goodfellow et al., 2014, section 4.1).
    Any other discriminator has more, so this is a lower bound of the divergence that it could
    see: 0 where it cannot tell the patches apart, ln 2 where it always can.

    Args:
        patch_discrimination_loss: in nats, summed over the patches of an image and averaged
            over images, as in `losses`.
        patches: how many patches of an image are judged.

    Returns:
        A float in `[0, ln 2]`, nats.

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661)
    """
    return min(max(math.log(2) - patch_discrimination_loss / patches, 0.0), math.log(2))


def sliced_wasserstein(patches, other_patches, directions):
    """Mean over directions of the first Wasserstein distance of the projected patches.

    On a line the distance between two samples of one size is the mean distance between their
    sorted values.

    Args:
        patches: `(n, length)`, each row the pixels of a patch in [0, 1].
        other_patches: as many of the same length.
        directions: `(length, count)`, columns of length 1.

    Returns:
        A float, at least 0, in the unit of a pixel in [0, 1].

    Raises:
        ValueError: when the two are not of one shape.

    Reference:
        - [Bonneel et al., 2015](https://doi.org/10.1007/s10851-014-0506-3)
    """
    if patches.shape != other_patches.shape:
        raise ValueError(
            "Expected as many patches of the same length. "
            f"Received: {patches.shape} and {other_patches.shape}"
        )
    ours, theirs = (np.sort(rows @ directions, axis=0) for rows in (patches, other_patches))
    return float(np.mean(np.abs(ours - theirs)))


def random_directions(length, count, seed):
    """Columns `(length, count)` of length 1, float32, spread evenly over the sphere."""
    columns = np.random.default_rng(seed).standard_normal((length, count))
    return (columns / np.linalg.norm(columns, axis=0)).astype("float32")


def random_patches(images, size, count, seed):
    """Square patches from random places of random images.

    Args:
        images: uint8 `(n, height, width, channels)`.
        size: side of a patch in pixels, at most that of the images.
        count: how many.
        seed: the same places for the same seed and shape.

    Returns:
        Float32 `(count, size · size · channels)` in [0, 1].
    """
    number, height, width, channels = images.shape
    rng = np.random.default_rng(seed)
    which = rng.integers(number, size=count)
    top = rng.integers(height - size + 1, size=count)
    left = rng.integers(width - size + 1, size=count)
    inside = np.arange(size)
    rows = (top[:, np.newaxis] + inside)[:, :, np.newaxis]
    columns = (left[:, np.newaxis] + inside)[:, np.newaxis, :]
    pixels = images[which[:, np.newaxis, np.newaxis], rows, columns]
    return pixels.reshape(count, size * size * channels) / np.float32(255)
