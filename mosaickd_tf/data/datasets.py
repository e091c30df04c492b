"""Facts about known data sets: contents, origin, intended use.

Other data sets can be used too; of a known one the splits are known before it is read, and an
incomplete copy is detected.
"""

import collections
import dataclasses
import re

from mosaickd_tf.errors import RequestError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """A split of a data set.

    Attributes:
        images: number of images.
        tfds_split: name of the split in TFDS; the split's own name if empty.
    """

    images: int
    tfds_split: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """Facts about a data set.

    Attributes:
        classes: number of classes, or None without labels.
        image_size: side of its images in pixels, or None if they differ.
        channels: 1 or 3.
        splits: of "train", "test"; "all" for a data set without splits. Only splits with labels:
            neither `extra` of SVHN nor the unlabeled `test` of Places365 is included.
        source: where it is described, and its license.
        good_for: intended use.
        mean: mean of each channel by which inputs are commonly normalized, if there is one.
        std: standard deviation of each channel, likewise.
    """

    classes: int | None
    image_size: int | None
    channels: int
    splits: dict[str, Split]
    source: str
    good_for: str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


_WORDNET_ID = re.compile(r"n\d{8}")
_RESEARCH = "non-commercial research and education"

# Numbers of images: the TFDS catalogue, tensorflow.org/datasets/catalog; scikit-learn's own.
DATASETS = {
    "tfds:cifar10": Dataset(
        classes=10,
        image_size=32,
        channels=3,
        splits={"train": Split(images=50_000), "test": Split(images=10_000)},
        source="www.cs.toronto.edu/~kriz/cifar.html; no licence stated",
        good_for="target; OOD images close to CIFAR-100",
        # Widely used, and in the official code. `std` is the mean over images of each image's
        # deviation; that of all pixels is (0.2470, 0.2435, 0.2616).
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2023, 0.1994, 0.2010),
    ),
    "tfds:cifar100": Dataset(
        classes=100,
        image_size=32,
        channels=3,
        splits={"train": Split(images=50_000), "test": Split(images=10_000)},
        source="www.cs.toronto.edu/~kriz/cifar.html; no licence stated",
        good_for="target of the published tables",
        mean=(0.5071, 0.4867, 0.4408),
        std=(0.2675, 0.2565, 0.2761),
    ),
    "tfds:svhn_cropped": Dataset(
        classes=10,
        image_size=32,
        channels=3,
        splits={"train": Split(images=73_257), "test": Split(images=26_032)},
        source="ufldl.stanford.edu/housenumbers; non-commercial use",
        good_for="OOD images far from CIFAR-100",
    ),
    # Published accuracies on ImageNet are those on its validation split.
    "tfds:imagenet_resized/32x32": Dataset(
        classes=1000,
        image_size=32,
        channels=3,
        splits={
            "train": Split(images=1_281_167),
            "test": Split(images=50_000, tfds_split="validation"),
        },
        source=f"patrykchrabaszcz.github.io/Imagenet32; {_RESEARCH}",
        good_for="OOD images, a subset by `ood_subset`",
    ),
    "tfds:places365_small": Dataset(
        classes=365,
        image_size=256,
        channels=3,
        splits={
            "train": Split(images=1_803_460),
            "test": Split(images=36_500, tfds_split="validation"),
        },
        source=f"places2.csail.mit.edu; {_RESEARCH}",
        good_for="OOD images, a subset by `ood_subset`",
    ),
    "tfds:stanford_dogs": Dataset(
        classes=120,
        image_size=None,
        channels=3,
        splits={"train": Split(images=12_000), "test": Split(images=8_580)},
        source=f"vision.stanford.edu/aditya86/ImageNetDogs; {_RESEARCH}",
        good_for="target of fine-grained classes",
    ),
    "tfds:caltech_birds2011": Dataset(
        classes=200,
        image_size=None,
        channels=3,
        splits={"train": Split(images=5_994), "test": Split(images=5_794)},
        source=f"www.vision.caltech.edu/datasets/cub_200_2011; {_RESEARCH}",
        good_for="target of fine-grained classes",
    ),
    "embedded:digits": Dataset(
        classes=10,
        image_size=8,
        channels=1,
        splits={"train": Split(images=1_200), "test": Split(images=597)},
        source="scikit-learn's load_digits, from archive.ics.uci.edu/dataset/80; CC BY 4.0",
        good_for="target of the quick start; no download",
    ),
    "embedded:photos": Dataset(
        classes=None,
        image_size=None,
        channels=3,
        splits={"all": Split(images=2)},
        source="scikit-learn's load_sample_images; CC BY",
        good_for="OOD crops of the quick start; no download",
    ),
}


def tfds_splits(name, available):
    """Returns the TFDS splits of a known data set and checks its prepared copy.

    Args:
        name: as in `DATASETS`.
        available: dict from the prepared splits to their numbers of images.

    Returns:
        Dict from splits to TFDS splits, or None for an unknown data set.

    Raises:
        RequestError: when a split is missing or incomplete.
    """
    if name not in DATASETS:
        return None
    splits = {}
    for split, fact in DATASETS[name].splits.items():
        tfds_split = splits[split] = fact.tfds_split or split
        if available.get(tfds_split) != fact.images:
            raise RequestError(
                f"The prepared copy of {name!r} is incomplete. Expected {fact.images:,} images in "
                f"its split {tfds_split!r}. Received: {available.get(tfds_split, 0):,}. Prepare it "
                "again"
            )
    return splits


def class_names(names):
    """Returns readable names of the classes of a TFDS data set.

    TFDS names ImageNet's classes by WordNet id, such as n02119789. They are replaced by the
    first of their English names, "kit fox", followed by the id where several classes share it.

    Args:
        names: TFDS's names of the classes, in order.

    Returns:
        A tuple of as many distinct names; `names` itself for other classes than all of ImageNet's,
        and where TFDS has no English names.
    """
    try:
        from tensorflow_datasets.datasets.siscore.labels import IMAGENET_LABELS_LIST as english
    except ImportError:
        return tuple(names)
    if len(names) != len(english) or not all(map(_WORDNET_ID.fullmatch, names)):
        return tuple(names)
    first = [words.partition(",")[0] for words in english]
    shared = {name for name, count in collections.Counter(first).items() if count > 1}
    in_order = zip(sorted(names), first, strict=True)  # ImageNet's own order is that of the ids
    english_names = {
        wordnet_id: f"{name} ({wordnet_id})" if name in shared else name
        for wordnet_id, name in in_order
    }
    return tuple(english_names[wordnet_id] for wordnet_id in names)


def teacher_input(name):
    """Returns the statistics by which a teacher's input is normalized.

    Args:
        name: a value of `teacher_input`.

    Returns:
        `(mean, std)` of the TFDS data set of that name; the name itself if there is none.
    """
    known = DATASETS.get(f"tfds:{name}")
    return (known.mean, known.std) if known else name
