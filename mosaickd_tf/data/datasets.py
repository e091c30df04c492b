"""Data sets as facts: what is in them, where they come from, what they are good for.

A data set that is not here can be used all the same; of one that is, its parts are known
before it is read, and an incomplete copy is noticed.
"""

import collections
import dataclasses
import re

from mosaickd_tf.errors import RequestError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a data set.

    Attributes:
        images: how many there are.
        split: name of the TFDS split that it is; the part's own name if empty.
    """

    images: int
    split: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set.

    Attributes:
        classes: how many, or None without labels.
        image_size: side of its images in pixels, or None where they differ.
        channels: 1 or 3.
        parts: of "train", "test"; "all" for a data set without parts. Splits with labels alone,
            so neither `extra` of SVHN nor the unlabelled `test` of Places365 is among them.
        source: where it is described, and its terms.
        good_for: what it serves for here.
        mean: mean of each channel with which networks for it are commonly fed, if there is one.
        std: the same of the standard deviation.
    """

    classes: int | None
    image_size: int | None
    channels: int
    parts: dict[str, Part]
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
        parts={"train": Part(images=50_000), "test": Part(images=10_000)},
        source="www.cs.toronto.edu/~kriz/cifar.html; no licence stated",
        good_for="target; OOD pictures close to CIFAR-100",
        # In wide use, and in the official code. The deviation is the mean of that of single
        # images; that of all pixels is (0.2470, 0.2435, 0.2616).
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2023, 0.1994, 0.2010),
    ),
    "tfds:cifar100": Dataset(
        classes=100,
        image_size=32,
        channels=3,
        parts={"train": Part(images=50_000), "test": Part(images=10_000)},
        source="www.cs.toronto.edu/~kriz/cifar.html; no licence stated",
        good_for="target of the published tables",
        mean=(0.5071, 0.4867, 0.4408),
        std=(0.2675, 0.2565, 0.2761),
    ),
    "tfds:svhn_cropped": Dataset(
        classes=10,
        image_size=32,
        channels=3,
        parts={"train": Part(images=73_257), "test": Part(images=26_032)},
        source="ufldl.stanford.edu/housenumbers; non-commercial use",
        good_for="OOD pictures far from CIFAR-100",
    ),
    # What is published as accuracy on ImageNet is that on its validation split.
    "tfds:imagenet_resized/32x32": Dataset(
        classes=1000,
        image_size=32,
        channels=3,
        parts={
            "train": Part(images=1_281_167),
            "test": Part(images=50_000, split="validation"),
        },
        source=f"patrykchrabaszcz.github.io/Imagenet32; {_RESEARCH}",
        good_for="OOD pictures, the subset by --ood_subset",
    ),
    "tfds:places365_small": Dataset(
        classes=365,
        image_size=256,
        channels=3,
        parts={
            "train": Part(images=1_803_460),
            "test": Part(images=36_500, split="validation"),
        },
        source=f"places2.csail.mit.edu; {_RESEARCH}",
        good_for="OOD pictures, the subset by --ood_subset",
    ),
    "tfds:stanford_dogs": Dataset(
        classes=120,
        image_size=None,
        channels=3,
        parts={"train": Part(images=12_000), "test": Part(images=8_580)},
        source=f"vision.stanford.edu/aditya86/ImageNetDogs; {_RESEARCH}",
        good_for="target of fine-grained classes",
    ),
    "tfds:caltech_birds2011": Dataset(
        classes=200,
        image_size=None,
        channels=3,
        parts={"train": Part(images=5_994), "test": Part(images=5_794)},
        source=f"www.vision.caltech.edu/datasets/cub_200_2011; {_RESEARCH}",
        good_for="target of fine-grained classes",
    ),
    "embedded:digits": Dataset(
        classes=10,
        image_size=8,
        channels=1,
        parts={"train": Part(images=1_200), "test": Part(images=597)},
        source="scikit-learn's load_digits, from archive.ics.uci.edu/dataset/80; CC BY 4.0",
        good_for="target of the quick start; no download",
    ),
    "embedded:photos": Dataset(
        classes=None,
        image_size=None,
        channels=3,
        parts={"all": Part(images=2)},
        source="scikit-learn's load_sample_images; CC BY",
        good_for="OOD crops of the quick start; no download",
    ),
}


def tfds_splits(name, available):
    """The parts of a TFDS data set that is known here, as it lies prepared.

    Args:
        name: as in `DATASETS`.
        available: dict from the prepared splits to how many images each has.

    Returns:
        Dict from parts to TFDS splits, or None for a data set that is not known.

    Raises:
        RequestError: when a split is missing or incomplete.
    """
    if name not in DATASETS:
        return None
    splits = {}
    for part, fact in DATASETS[name].parts.items():
        split = splits[part] = fact.split or part
        if available.get(split) != fact.images:
            raise RequestError(
                f"The prepared copy of {name!r} is not whole. Expected {fact.images:,} images in "
                f"its split {split!r}. Received: {available.get(split, 0):,}. Prepare it anew"
            )
    return splits


def class_names(names):
    """Names for people of the classes of a TFDS data set.

    TFDS names ImageNet's classes by WordNet, such as n02119789. Here they get the first of
    their English names, "kit fox", with the id behind it where several classes share that.

    Args:
        names: as TFDS names the classes, in their order.

    Returns:
        A tuple of as many, no two the same; `names` for other classes than all of ImageNet's, and
        where TFDS does not come with English names.
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
    named = {there: f"{name} ({there})" if name in shared else name for there, name in in_order}
    return tuple(named[there] for there in names)


def teacher_input(name):
    """The statistics by which a teacher's input is standardised, for the name of a data set.

    Args:
        name: a value of `--teacher_input`.

    Returns:
        `(mean, std)` of the TFDS data set of that name; the name itself if it is none.
    """
    known = DATASETS.get(f"tfds:{name}")
    return (known.mean, known.std) if known else name
