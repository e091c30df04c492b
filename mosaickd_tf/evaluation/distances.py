"""Distances between the patches of synthetic images and those of OOD images."""

import math

import numpy as np


def jensen_shannon_estimate(patch_discrimination_loss, patches):
    """Estimates the Jensen-Shannon divergence of both kinds of patches from the discriminator.

    A discriminator `d` of equally many OOD patches `p` and synthetic ones `q` has the cross
    entropy `(E_p[-ln d] + E_q[-ln(1 - d)]) / 2` per patch. Its minimum is at
    `d = p / (p + q)`, with the value `ln 2 - JSD(p, q)` (Goodfellow et al., 2014, section 4.1).
    Any other discriminator has a larger one, so this is a lower bound of the divergence: 0 if
    it cannot distinguish the patches, ln 2 if it always can.

    Args:
        patch_discrimination_loss: in nats, summed over the patches of an image and averaged
            over images, as in `losses`.
        patches: number of patches of an image that the discriminator classifies.

    Returns:
        A float in `[0, ln 2]`, nats.

    Reference:
        - [Goodfellow et al., 2014](https://arxiv.org/abs/1406.2661)
    """
    return min(max(math.log(2) - patch_discrimination_loss / patches, 0.0), math.log(2))


def sliced_wasserstein(patches, other_patches, directions):
    """Computes the mean over directions of the Wasserstein-1 distance of projected patches.

    In one dimension the distance between two samples of equal size is the mean distance between
    their sorted values.

    Args:
        patches: `(n, length)`, each row the pixels of a patch in [0, 1].
        other_patches: as many, of the same length.
        directions: `(length, count)`, columns of length 1.

    Returns:
        A float, at least 0, in the unit of a pixel in [0, 1].

    Raises:
        ValueError: when the shapes differ.

    Reference:
        - [Bonneel et al., 2015](https://doi.org/10.1007/s10851-014-0506-3)
    """
    if patches.shape != other_patches.shape:
        raise ValueError(
            "`patches` and `other_patches` differ in shape. Expected equal shapes. "
            f"Received: {patches.shape} and {other_patches.shape}"
        )
    ours, theirs = (np.sort(rows @ directions, axis=0) for rows in (patches, other_patches))
    return float(np.mean(np.abs(ours - theirs)))


def random_directions(length, count, seed):
    """Returns columns `(length, count)` of length 1, float32, uniform over the sphere."""
    columns = np.random.default_rng(seed).standard_normal((length, count))
    return (columns / np.linalg.norm(columns, axis=0)).astype("float32")


def random_patches(images, size, count, seed):
    """Extracts square patches at random positions of random images.

    Args:
        images: uint8 `(n, height, width, channels)`.
        size: side of a patch in pixels, at most that of the images.
        count: number of patches.
        seed: determines the positions, for images of the same shape.

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
