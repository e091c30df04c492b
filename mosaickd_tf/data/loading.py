"""The data of a run: the splits of the target data set, and the OOD images."""

import dataclasses
import logging

import numpy as np

from mosaickd_tf.data import image_checks
from mosaickd_tf.data.image_files import BrokenFile
from mosaickd_tf.data.images import ImageSet, random_crops, resize
from mosaickd_tf.data.label_names import read_label_names, with_label_names
from mosaickd_tf.data.skipped_files import passed_over_as_broken, passed_over_in_words
from mosaickd_tf.data.sources import open_source
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.utils.text import printable

logger = logging.getLogger(__name__)

BROKEN_NAME = "broken_images.json"  # the list of skipped files in the folder of a run
_VALIDATION_SEED = 20211110  # selects the validation images; the same in every run
_CROP_SEED = 2110


@dataclasses.dataclass(frozen=True, kw_only=True)
class TargetData:
    """The teacher's own data set.

    Attributes:
        train: `ImageSet` of the training split, or None.
        validation: `ImageSet` of the validation split, or None.
        test: `ImageSet` of the test split, or None.
        broken: the skipped files of all splits.
    """

    train: ImageSet | None
    validation: ImageSet | None
    test: ImageSet | None
    broken: tuple[BrokenFile, ...] = ()

    @property
    def label_names(self):
        """Returns the name of each class."""
        splits = (self.test, self.train, self.validation)
        return next((split.label_names for split in splits if split is not None), ())


def load_target(config, training=True, num_labels=None):
    """Reads the splits of the target data set.

    A data set without splits is used as the test split. If there is a training split and no
    validation split, the configured share of the training split becomes it, the same images
    in every run. The test split is never used to select anything.

    Args:
        config: a `DataConfig` that names a target data set.
        training: whether the training split is needed. Otherwise it is not read, unless it is
            the only one or the validation split is taken from it.
        num_labels: outputs of the model; with a single one, two classes are its label 0 and 1.

    Returns:
        `TargetData`.

    Raises:
        RequestError: for a data set that cannot be read or has no labels.
    """
    source = open_source(config.target_dataset, config.data_dir, config.max_broken, config.task)
    if not source.label_names:
        raise RequestError(
            "The target data set needs labels (class folders). Expected them for evaluation. "
            f"Received: `target_dataset`={config.target_dataset!r} without labels{_loose(source)}. "
            "Sort its images into one folder per class"
        )
    if config.labels:
        source = with_label_names(source, read_label_names(config.labels), config.labels)
    _say_which_split(source)
    takes_validation = config.validation_fraction > 0 and "validation" not in source.splits
    needs_train = training or takes_validation or source.splits == ("train",)
    names = [name for name in source.splits if name != "train" or needs_train]
    splits = {
        name: _as_task(_read_resized(source, name, config), config.task, num_labels)
        for name in names
    }
    train, validation = splits.get("train"), splits.get("validation")
    if train is not None and validation is None:
        train, validation = _take_validation(train, config.validation_fraction)
    return TargetData(
        train=train,
        validation=validation,
        test=splits.get("test", splits.get("all")),
        broken=_report_broken(source),
    )


def label_names(config, target):
    """Returns the names of the teacher's outputs: of the target data set, or of `labels` alone.

    Args:
        config: a `DataConfig`.
        target: `TargetData`, or None.

    Returns:
        A tuple, empty where they are not known.
    """
    if target is not None:
        return target.label_names
    return read_label_names(config.labels) if config.labels else ()


def load_ood(config):
    """Reads the OOD images; labels are ignored.

    Args:
        config: a `DataConfig` that names an OOD data set.

    Returns:
        An `ImageSet` of all images of a folder, or of the training split of another data set.

    Raises:
        RequestError: for a data set that cannot be read, or without a large enough image.
    """
    source = open_source(config.ood_dataset, config.data_dir, config.max_broken, whole=True)
    split = next(name for name in ("train", "all", *source.splits) if name in source.splits)
    if config.ood_fit == "crops":
        images = _read_crops(source, split, config)
    else:
        images = _read_resized(source, split, config).images
    broken = _report_broken(source)
    if source.layout:
        logger.info(
            "%s: %s image files found, %s of them read",
            printable(source.name),
            f"{source.layout.num_files:,}",
            f"{source.layout.num_files - len(source.skipped.broken):,}",
        )
    image_checks.warn_of_equal(source.name, images)
    return ImageSet(images=images, source=config.ood_dataset, broken=broken)


def write_broken_files(path, *data):
    """Writes the list of skipped files as JSON, if there are any.

    Args:
        path: path of the list.
        *data: `TargetData`, `ImageSet` or None.
    """
    faults = [fault for each in data if each for fault in each.broken]
    if faults:
        files.write_json(path, [dataclasses.asdict(fault) for fault in faults])


def _loose(source):
    """Returns words about the images of a data set that are in no class folder."""
    loose = [] if source.layout is None else source.layout.without_class()
    return f", with {len(loose):,} outside of class folders such as {loose[0]!r}" if loose else ""


def _say_which_split(source):
    if "test" not in source.splits and "validation" in source.splits:
        logger.info("%s: no test split, but a validation split", printable(source.name))


def _read_resized(source, split, config):
    labels, sizes = [], []

    def images():
        for image, label in source.read(split):
            labels.append(label)
            sizes.append(image.size)
            yield resize(image, config.image_shape)

    stacked = _stack(images(), source, config)
    if source.layout:
        image_checks.warn_of_sizes(source.name, np.array(sizes), config.image_shape)
    return ImageSet(
        images=stacked,
        labels=_label_array(labels, source.label_names),
        label_names=source.label_names,
        source=f"{source.name} ({split})",
    )


def _as_task(images, task, num_labels):
    """Returns images of one label each with labels as a task of any number of them has them.

    They are one-hot rows, or for a model of one output the number of the class of two.
    """
    if task != "multi_label" or images.labels.ndim == 2:
        return images
    rows = np.eye(len(images.label_names), dtype=np.uint8)[images.labels]
    if num_labels == 1 and rows.shape[1] == 2:
        return dataclasses.replace(images, labels=rows[:, 1:], label_names=images.label_names[1:])
    return dataclasses.replace(images, labels=rows)


def _label_array(labels, label_names):
    """Returns class numbers, int32 `(n,)`, or multi-hot rows, uint8 `(n, labels)`; None without."""
    if not label_names:
        return None
    if not isinstance(labels[0], tuple):
        return np.array(labels, np.int32)
    rows = np.zeros((len(labels), len(label_names)), np.uint8)
    for row, numbers in zip(rows, labels, strict=True):
        row[list(numbers)] = 1
    return rows


def _stack(images, source, config):
    """Stacks many images in one array without holding any of them twice."""
    pixels = bytearray()
    for image in images:
        pixels += image.tobytes()
    if not pixels:
        raise RequestError(
            f"No readable image. Expected at least one in {source.name!r}. Received: "
            f"{len(source.skipped.broken)} broken ones. Repair them"
        )
    return np.frombuffer(pixels, np.uint8).reshape(-1, *config.image_shape)


def _report_broken(source):
    """Returns the skipped files of a source, and logs their number."""
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
    if not source.layout:
        return broken
    passed_over = source.layout.passed_over
    others = passed_over_as_broken(next(iter(source.layout.folders.values())), passed_over)
    if others:
        logger.warning(
            "%s: files that are not read were left out: %s",
            printable(source.name),
            passed_over_in_words(passed_over),
        )
    return broken + others


def _read_crops(source, split, config):
    rng = np.random.default_rng(_CROP_SEED)
    smallest = config.ood_smallest_crop or max(config.image_shape[:2])
    largest = config.ood_largest_crop or 3 * smallest
    if largest < smallest:
        raise RequestError(
            "`ood_largest_crop` is too small. Expected at least the smallest crop. "
            f"Received: {largest} below {smallest}. Choose a larger one"
        )
    found = {"large": 0, "small": 0}

    def images():
        for image, _ in source.read(split):
            crops = random_crops(
                image,
                config.image_shape,
                count=config.ood_crops_per_picture,
                smallest=smallest,
                largest=largest,
                rng=rng,
            )
            found["large" if crops else "small"] += 1
            yield from crops
        if found["small"] and not found["large"]:
            raise RequestError(
                f"No crop fits. Expected images of at least {smallest} pixels a side. Received: "
                f"{found['small']} smaller ones in {source.name!r}. Use `ood_fit`=resize or a "
                "smaller `ood_smallest_crop`"
            )

    stacked = _stack(images(), source, config)
    if found["small"]:
        logger.warning(
            "%s: %d images smaller than the smallest crop of %d pixels were skipped",
            printable(source.name),
            found["small"],
            smallest,
        )
    return stacked


def _take_validation(train, fraction):
    """Moves a fraction of the training images to a validation split."""
    count = round(fraction * len(train))
    if not count:
        return train, None
    order = np.random.default_rng(_VALIDATION_SEED).permutation(len(train))
    return train.take(np.sort(order[count:])), train.take(np.sort(order[:count]))
