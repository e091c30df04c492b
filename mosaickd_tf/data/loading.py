"""The two sides of a run: the target's parts, and the OOD images."""

import array
import dataclasses
import logging

import numpy as np

from mosaickd_tf.data.image_files import Broken
from mosaickd_tf.data.images import ImageSet, random_crops, resize
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.utils.text import printable

logger = logging.getLogger(__name__)

BROKEN_NAME = "broken_images.json"  # the list of skipped files in the folder of a run
_CARVE_SEED = 20211110  # which images become the validation part; the same in every run
_CROP_SEED = 2110


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetData:
    """The teacher's own data; any part may be missing (None), and files may have been broken."""

    train: ImageSet | None
    validation: ImageSet | None
    test: ImageSet | None
    broken: tuple[Broken, ...] = ()

    @property
    def label_names(self):
        """The name of each class."""
        parts = (self.test, self.train, self.validation)
        return next((part.label_names for part in parts if part is not None), ())


def load_target(config, training=True):
    """Reads the target data set in its parts.

    A data set without parts serves as the test part. Where there is a training part and no
    validation part, the configured share of the training part becomes it, the same images
    in every run. The test part is never used to choose anything.

    Args:
        config: a `DataConfig` that names a target data set.
        training: whether the training part is wanted. Otherwise it is not read, unless it is all
            that there is or the validation part comes out of it.

    Returns:
        `TargetData`.

    Raises:
        RequestError: for a data set that cannot be read or has no labels.
    """
    source = open_source(config.target_dataset, config.data_dir, config.max_broken)
    if not source.label_names:
        raise RequestError(
            "The target data set needs labels (class folders). Expected them for evaluation. "
            f"Received: --target_dataset={config.target_dataset!r} without. Sort its images into a "
            "folder a class"
        )
    carved = config.validation_fraction > 0 and "validation" not in source.parts
    alone = source.parts == ("train",)
    wanted = [p for p in source.parts if p != "train" or training or carved or alone]
    parts = {part: _resized(source, part, config) for part in wanted}
    train, validation = parts.get("train"), parts.get("validation")
    if train is not None and validation is None:
        train, validation = _carve(train, config.validation_fraction)
    return TargetData(
        train=train,
        validation=validation,
        test=parts.get("test", parts.get("all")),
        broken=_told(source),
    )


def load_ood(config):
    """Reads the OOD images; labels, if there are any, are dropped.

    Args:
        config: a `DataConfig` that names an OOD data set.

    Returns:
        An `ImageSet` of its training part, or of all of it.
    """
    source = open_source(config.ood_dataset, config.data_dir, config.max_broken)
    part = next(p for p in ("train", "all", *source.parts) if p in source.parts)
    if config.ood_fit == "crops":
        images = _crops(source, part, config)
    else:
        images = _resized(source, part, config).images
    return ImageSet(images=images, source=config.ood_dataset, broken=_told(source))


def write_broken(path, *data):
    """Writes a list of the files that were skipped, as JSON, if there are any.

    Args:
        path: of the list.
        *data: `TargetData`, `ImageSet` or None; each knows its own.
    """
    faults = [fault for part in data if part for fault in part.broken]
    if faults:
        files.write_json(path, [dataclasses.asdict(fault) for fault in faults])


def _resized(source, part, config):
    labels = array.array("i")

    def images():
        for picture, label in source.read(part):
            labels.append(-1 if label is None else label)
            yield resize(picture, config.image_size, config.channels)

    return ImageSet(
        images=_stacked(images(), source, config),
        labels=np.array(labels, np.int32) if source.label_names else None,
        label_names=source.label_names,
        source=f"{source.name} ({part})",
    )


def _stacked(images, source, config):
    """One array of many images, none of which lies in memory twice."""
    pixels = bytearray()
    for image in images:
        pixels += image.tobytes()
    if not pixels:
        raise RequestError(
            f"No readable image. Expected at least one in {source.name!r}. Received: "
            f"{len(source.skipped.broken)} broken ones. Repair them"
        )
    shape = (-1, config.image_size, config.image_size, config.channels)
    return np.frombuffer(pixels, np.uint8).reshape(shape)


def _told(source):
    """The files that were skipped; says on the log how many they are."""
    broken = tuple(source.skipped.broken) if source.skipped else ()
    if broken:
        first = broken[0]
        logger.warning(
            "%s: %d broken image files were skipped, the first: %r (%s)",
            printable(source.name),
            len(broken),
            first.path,
            printable(first.reason),
        )
    return broken


def _crops(source, part, config):
    rng = np.random.default_rng(_CROP_SEED)
    smallest = config.ood_smallest_crop or config.image_size
    largest = config.ood_largest_crop or 3 * smallest
    if largest < smallest:
        raise RequestError(
            "`ood_largest_crop` is too small. Expected at least the smallest crop. "
            f"Received: {largest} below {smallest}. Choose a larger one"
        )
    found = {"large": 0, "small": 0}

    def images():
        for picture, _ in source.read(part):
            crops = random_crops(
                picture,
                config.image_size,
                config.channels,
                count=config.ood_crops_per_picture,
                smallest=smallest,
                largest=largest,
                rng=rng,
            )
            found["large" if crops else "small"] += 1
            yield from crops
        if found["small"] and not found["large"]:
            raise RequestError(
                f"No crop fits. Expected pictures of at least {smallest} pixels a side. Received: "
                f"{found['small']} smaller ones in {source.name!r}. Use --ood_fit=resize or a "
                "smaller --ood_smallest_crop"
            )

    stacked = _stacked(images(), source, config)
    if found["small"]:
        logger.warning(
            "%s: %d pictures smaller than the smallest crop of %d pixels were left out",
            printable(source.name),
            found["small"],
            smallest,
        )
    return stacked


def _carve(train, fraction):
    count = round(fraction * len(train))
    if not count:
        return train, None
    order = np.random.default_rng(_CARVE_SEED).permutation(len(train))
    return train.take(np.sort(order[count:])), train.take(np.sort(order[:count]))
