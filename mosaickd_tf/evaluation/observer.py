"""Diagnostics of a run in addition to losses and accuracies."""

import functools
import math

from mosaickd_tf import evaluation
from mosaickd_tf.data import grids
from mosaickd_tf.evaluation.distances import (
    jensen_shannon_estimate,
    random_directions,
    random_patches,
    sliced_wasserstein,
)
from mosaickd_tf.utils.images import to_uint8

GRID = 64  # images of a sample grid, and of a call of the generator
PATCHES = 2048
DIRECTIONS = 64


class Observer:
    """Computes diagnostics of a distiller between two rounds without changing its state.

    For every method: the mean gradient norm of each trained network since the last evaluation,
    and the learning rates. With synthetic images also, on samples of them: the teacher's
    confidence, the predicted classes, and the distance of their patches to OOD patches. Two
    grids of them are saved in `samples/`: one of each evaluation, and one by class.

    Args:
        distiller: a compiled `Distiller`.
        teacher: Keras model from unit images to logits.
        ood_images: uint8 `(n, height, width, channels)`, or None.
        folder: the folder of the run, a `pathlib.Path`.
        patch_size: side in pixels of the compared patches, limited to that of the images.
        seed: determines the patches and the directions.
        keep_images: whether to save synthetic images, or only numbers.
    """

    def __init__(
        self, distiller, teacher, ood_images, folder, *, patch_size, seed, keep_images=True
    ):
        self._distiller = distiller
        self._teacher = teacher
        self._task = distiller.task
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
        """Returns the diagnostics after `step` rounds, without those that are undefined yet.

        Returns:
            A dict for `MetricsLog.write`: floats, the list `synthetic_classes` (number of synthetic
            images that the teacher predicts for each class) and the image `synthetic_by_class`.
        """
        values = {name: _mean(mean) for name, mean in self._distiller.gradient_norms.items()}
        for network in ("student", "generator"):
            if network in self._distiller.networks:
                optimizer = getattr(self._distiller, f"{network}_optimizer")
                values[f"{network}_learning_rate"] = float(optimizer.learning_rate)
        values["patch_divergence"] = self._divergence()
        synthetic_images = self._distiller.samples(self._count)
        if synthetic_images is not None:
            values |= self._observe(step, to_uint8(synthetic_images))
        return {name: value for name, value in values.items() if value is not None}

    def _divergence(self):
        loss = self._distiller.term_means.get("patch_discrimination_loss")
        loss = _mean(loss) if loss else None
        patches = getattr(self._distiller, "patches", None)
        if loss is None or patches is None:
            return None
        return jensen_shannon_estimate(loss, patches)

    def _observe(self, step, images):
        logits = evaluation.predict_logits(self._teacher, images)
        predictions = self._task.predictions(logits)
        counts = self._task.count_labels(predictions, self._classes)
        values = {
            "teacher_confidence": self._task.confidence(logits),
            "synthetic_classes": counts,
        } | self._distances(images)
        if self._keep_images:
            values["synthetic_by_class"] = self._save_grids(step, images, predictions, counts)
        return values

    def _save_grids(self, step, images, predictions, counts):
        has_label = functools.partial(self._task.has_label, predictions)
        by_class = grids.by_class(grids.thumbnails(images), has_label, counts)
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


def _mean(tracker):
    """Returns the mean of a Keras metric, or None before its first value or if not finite."""
    value = float(tracker.result())
    return value if float(tracker.count) and math.isfinite(value) else None
