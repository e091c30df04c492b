"""Published accuracies, in percent, with which our runs are compared.

Numbers as printed. A row is a method by the name of its flagfile in configs/methods, or a
description where no flagfile runs it; a column is a pair by the name of its flagfile in
configs/pairs.
"""

import dataclasses

PAIRS = (
    "resnet34_to_resnet18",
    "vgg11_bn_to_resnet18",
    "wrn40_2_to_wrn16_1",
    "wrn40_2_to_wrn40_1",
    "wrn40_2_to_wrn16_2",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Table:
    """Published figures for a target and the OOD images of its students.

    Attributes:
        title: heading of the table.
        source: where the numbers were published.
        rows: dict from methods to a cell for each pair: a number, None where nothing is
            published, or a tuple of numbers for several runs.
        data: name of the flagfile in configs/data with which runs of ours belong here, or
            empty where there is none.
        pairs: the columns.
        note: remarks for a comparison.
    """

    title: str
    source: str
    rows: dict[str, tuple]
    data: str = ""
    pairs: tuple[str, ...] = PAIRS
    note: str = ""


_PAPER = "[arXiv 2110.15094](https://arxiv.org/abs/2110.15094), Table 1"
_LOGS = "logs in [zgzhikaru/data-free-KD](https://github.com/zgzhikaru/data-free-KD)"

TABLES = (
    Table(
        title="CIFAR-100 from its own images",
        data="cifar100_from_cifar100",
        source=_PAPER,
        note=(
            "Teachers and supervised students are trained by `bin/train_teacher "
            "--flagfile=configs/teachers/cifar100.cfg --teacher=NETWORK`."
        ),
        rows={
            "teacher": (78.05, 71.32, 75.83, 75.83, 75.83),
            "student, supervised": (77.10, 77.10, 65.31, 72.19, 73.56),
            "kd": (77.87, 75.07, 64.06, 68.58, 70.79),
        },
    ),
    Table(
        title="CIFAR-100 from CIFAR-10",
        data="cifar100_from_cifar10",
        source=f"{_PAPER}; the runs by others from {_LOGS}",
        rows={
            "kd": (73.55, 68.04, 47.47, 61.17, 63.48),
            "balanced": (68.54, 64.14, 50.50, 56.50, 57.33),
            "fitnet": (70.14, 67.52, 50.31, 60.17, 60.60),
            "rkd": (67.45, 63.06, 45.37, 53.29, 57.10),
            "crd": (71.23, 66.48, 47.00, 59.59, 61.37),
            "sskd": (73.81, 68.72, 49.57, 60.71, 64.61),
            "mosaic": (77.01, 71.56, 61.01, 69.14, 69.41),
            "mosaic, run by others": ((76.26, 76.39), None, (60.91, 61.04, 61.61), None, None),
            "mosaic, synthetic images alone, run by others": (
                (None, None, (59.36, 59.53), None, None)
            ),
        },
    ),
    Table(
        title="CIFAR-100 from 32×32 ImageNet, the subset of highest teacher entropy",
        data="cifar100_from_imagenet32_subset",
        source=_PAPER,
        rows={
            "kd": (50.89, 50.52, 36.54, 36.87, 41.69),
            "balanced": (41.74, 47.04, 31.61, 29.57, 35.65),
            "fitnet": (60.15, 58.23, 42.63, 44.21, 48.53),
            "rkd": (40.26, 35.80, 31.15, 24.95, 34.48),
            "mosaic": (75.81, 68.94, 59.32, 66.61, 67.36),
        },
    ),
    Table(
        title="CIFAR-100 from Places365, the subset of highest teacher entropy",
        data="cifar100_from_places365_subset",
        source=_PAPER,
        rows={
            "kd": (43.49, 46.24, 33.28, 31.39, 36.37),
            "balanced": (28.16, 38.85, 23.22, 21.54, 28.62),
            "fitnet": (54.08, 54.15, 36.33, 44.21, 38.74),
            "rkd": (30.25, 33.06, 28.07, 21.12, 21.12),
            "mosaic": (74.70, 68.55, 56.70, 65.34, 65.89),
        },
    ),
    Table(
        title="CIFAR-100 from SVHN",
        data="cifar100_from_svhn",
        source=_PAPER,
        rows={
            "kd": (31.55, 34.00, 19.77, 23.07, 24.75),
            "balanced": (26.93, 29.34, 16.18, 18.96, 21.50),
            "fitnet": (33.69, 36.22, 20.02, 23.72, 25.41),
            "rkd": (26.83, 27.31, 18.09, 22.55, 24.29),
            "mosaic": (47.18, 37.63, 31.87, 45.84, 44.40),
        },
    ),
    Table(
        title="CIFAR-100 from 100,000 images of 200 ImageNet classes, the half of highest entropy",
        data="cifar100_from_imagenet32_folder",
        source="nothing for these images",
        pairs=("wrn16_2_to_wrn16_1",),
        rows={"kd": (None,), "mosaic": (None,)},
    ),
    Table(
        title="CIFAR-100 without images",
        data="cifar100_data_free",
        source=_PAPER,
        rows={
            "dafl": (74.47, 54.16, 20.88, 42.83, 43.70),
            "zskt": (67.74, 54.31, 36.66, 53.60, 54.59),
            "deep_inversion": (61.32, 54.13, 53.77, 61.33, 61.34),
            "dfq": (77.01, 66.21, 51.27, 54.43, 64.79),
        },
    ),
    Table(
        title="CIFAR-100 without images, later methods",
        source="the papers and the code of each",
        note=(
            "GPU hours reported: CMI 12 to 19, Fast-10 0.16 to 0.27, SpaceshipNet about 26, NAYER "
            "about 7. NAYER needs class names and a text encoder."
        ),
        rows={
            "CMI, [zju-vipa/CMI](https://github.com/zju-vipa/CMI)": (
                (77.04, 70.56, 57.91, 68.88, 68.75)
            ),
            "Fast-10, [zju-vipa/Fast-Datafree](https://github.com/zju-vipa/Fast-Datafree)": (
                (74.34, 67.44, 54.02, 63.91, 65.12)
            ),
            "AdaDFKD": (77.13, 71.52, None, 68.19, 67.54),
            "SpaceshipNet": (77.41, None, None, None, 69.95),
            "NAYER, 300 epochs": (None, None, None, None, 71.72),
        },
    ),
    Table(
        title="Handwritten digits from two photographs",
        data="digits_from_photos",
        source=(
            "nothing; the setting is our own, [chosen on a validation split]"
            "(experiments.md#quick-start)"
        ),
        pairs=("wrn16_1_to_wrn10_1",),
        rows={"kd": (None,), "mosaic": (None,)},
    ),
)
