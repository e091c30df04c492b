"""What a person watches in a run beside losses and accuracies."""

import math

import numpy as np

from mosaickd_tf import evaluation
from mosaickd_tf.data import grids
from mosaickd_tf.evaluation.distances import (
    jensen_shannon_estimate,
    random_directions,
    random_patches,
    sliced_wasserstein,
)

GRID = 64  # images of a sample grid, and of a call of the generator
PATCHES = 2048
DIRECTIONS = 64


class Observer:
    """Looks at a game between two rounds and leaves it as it was.

    Of every method: the mean norm of each player's gradient since the last evaluation, and
    the learning rates. Of one that makes synthetic images also, on samples of them: how sure
    the teacher is of them, which classes it sees, and how far their patches are from OOD
    patches. It keeps two grids of them in `samples/`: of each evaluation, and by class.

    Args:
        distiller: a compiled `Distiller`.
        teacher: Keras model from unit images to logits, which names the classes.
        ood_images: uint8 `(n, height, width, channels)`, or None.
        folder: the folder of the run, a `pathlib.Path`.
        patch_size: side in pixels of the patches that are compared, at most that of the images.
        seed: fixes the patches and the directions.
        keep_images: whether synthetic images are kept, or numbers alone.
    """

    def __init__(
        self, distiller, teacher, ood_images, folder, *, patch_size, seed, keep_images=True
    ):
        self._distiller = distiller
        self._teacher = teacher
        self._samples = folder / "samples"
        self._patch_size = min(patch_size, *teacher.input_shape[1:3])
        self._seed = seed
        self._keep_images = keep_images
        self._classes = teacher.output_shape[-1]
        self._count = min(max(256, 10 * self._classes), 1024)
        self._ood_patches = None
        if ood_images is not None:
            self._ood_patches = random_patches(ood_images, self._patch_size, PATCHES, (seed, 1))
            self._directions = random_directions(self._ood_patches.shape[1], DIRECTIONS, seed)
            others = random_patches(ood_images, self._patch_size, PATCHES, (seed, 2))
            self._ood_distance = self._distance(others)

    def __call__(self, step):
        """Numbers by name after `step` rounds; what cannot be known yet is left out.

        Returns:
            A dict for `Record.write`: floats, the list `synthetic_classes` (how many synthetic
            images the teacher puts into each class) and the picture `synthetic_by_class`.
        """
        values = {name: _mean(mean) for name, mean in self._distiller.gradient_norms.items()}
        for player in ("student", "generator"):
            if player in self._distiller.players:
                optimizer = getattr(self._distiller, f"{player}_optimizer")
                values[f"{player}_learning_rate"] = float(optimizer.learning_rate)
        values["patch_divergence"] = self._divergence()
        synthetic_images = self._distiller.samples(self._count)
        if synthetic_images is not None:
            values |= self._look(step, _as_uint8(synthetic_images))
        return {name: value for name, value in values.items() if value is not None}

    def _divergence(self):
        loss = self._distiller.trackers.get("patch_discrimination_loss")
        loss = _mean(loss) if loss else None
        patches = getattr(self._distiller, "patches", None)
        if loss is None or patches is None:
            return None
        return jensen_shannon_estimate(loss, patches)

    def _look(self, step, images):
        probs = _softmax(evaluation.predict_logits(self._teacher, images))
        classes = probs.argmax(axis=-1)
        counts = np.bincount(classes, minlength=self._classes).tolist()
        values = {
            "teacher_confidence": float(probs.max(axis=-1).mean()),
            "synthetic_classes": counts,
        } | self._distances(images)
        if self._keep_images:
            values["synthetic_by_class"] = self._keep(step, images, classes, counts)
        return values

    def _keep(self, step, images, classes, counts):
        by_class = grids.by_class(grids.thumbnails(images), classes, counts)
        grids.save_grid(self._samples / f"round_{step:06d}.png", images[:GRID])
        grids.save_grid(self._samples / "by_class.png", by_class, grids.A_CLASS)
        return grids.image_grid(by_class, grids.A_CLASS)

    def _distances(self, images):
        if self._ood_patches is None:
            return {}
        patches = random_patches(images, self._patch_size, PATCHES, (self._seed, 3))
        return {
            "patch_distance": self._distance(patches),
            "patch_distance_within_ood": self._ood_distance,
        }

    def _distance(self, patches):
        return sliced_wasserstein(self._ood_patches, patches, self._directions)


def _as_uint8(unit_images):
    unit_images = np.clip(np.asarray(unit_images, "float32"), 0.0, 1.0)
    return np.round(unit_images * 255).astype(np.uint8)


def _mean(tracker):
    """The mean of a Keras metric, or None before its first value, or when it is not finite."""
    value = float(tracker.result())
    return value if float(tracker.count) and math.isfinite(value) else None


def _softmax(logits):
    shifted = np.exp(logits.astype("float64") - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
