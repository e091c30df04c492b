"""Options of the data and of the teacher."""

import dataclasses

from mosaickd_tf.config.options import ConfigSection, option
from mosaickd_tf.errors import RequestError

TEACHER_INPUTS = ("unit", "signed", "bytes", "imagenet", "cifar10", "cifar100")
AUGMENTATIONS = ("none", "pad_crop", "pad_crop_flip")


TASKS = ("single_label", "multi_label")
TASK_HELP = (
    "What the outputs mean: exactly one class an image (softmax), or any number of labels (an "
    "independent sigmoid each)."
)

# Of all commands that read folders of images.
MAX_BROKEN = option(
    0.01,
    "Number of image files of a folder that may be broken; below 1, the share of them. They are "
    "skipped and listed; with more the command fails.",
    at_least=0.0,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(ConfigSection):
    """Data."""

    task: str = option("single_label", TASK_HELP, choices=TASKS)
    target_dataset: str = option(
        "",
        "The teacher's own data, for evaluation, selection of weights and training of a teacher by "
        "name; never shown to the student. tfds:NAME, folder:PATH or embedded:digits. Optional "
        "when the teacher is a file.",
        listing="datasets",
    )
    ood_dataset: str = option(
        "",
        "Unrelated, unlabeled images (out-of-domain): tfds:NAME, folder:PATH or embedded:photos.",
        listing="datasets",
    )
    data_dir: str = option("", "Folder of the prepared TFDS data sets; TFDS's default if empty.")
    image_size: int = option(
        32, "Side of the square images in pixels, a multiple of 4 from 8 up.", at_least=8
    )
    channels: int = option(3, "Channels of the images.", choices=(1, 3))
    max_broken: float = MAX_BROKEN
    ood_fit: str = option(
        "resize",
        "Preprocessing of OOD images: `resize` the shorter side and crop the center, or cut random "
        "square `crops`.",
        choices=("resize", "crops"),
    )
    ood_crops_per_picture: int = option(
        16, "Number of random crops of each OOD image, with --ood_fit=crops.", at_least=1
    )
    ood_smallest_crop: int = option(
        0, "Smallest side of a random crop in pixels; 0 for the image size.", at_least=0
    )
    ood_largest_crop: int = option(
        0, "Largest side of a random crop in pixels; 0 for three times the smallest.", at_least=0
    )
    ood_subset: int = option(
        0,
        "Number of OOD images to keep, those of which the teacher is least sure; 0 for all.",
        at_least=0,
    )
    validation_fraction: float = option(
        0.1,
        "Share of the target's training split used as validation split, for the selection of "
        "weights, where the data set has none of its own; 0 for none.",
        at_least=0.0,
        at_most=0.5,
    )
    cache_dir: str = option(
        "",
        "Cache of the teacher's predictions on the OOD images, so that --ood_subset is computed "
        "once for a teacher and its images; mosaickd_tf in the user's cache if empty.",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherConfig(ConfigSection):
    """Teacher."""

    teacher: str = option(
        "",
        "A .keras file, a .pth file of the official PyTorch code (with --teacher_network), a "
        "SavedModel (with --allow_code), or the name of a network to train on the target data.",
    )
    allow_code: bool = option(
        False,
        "Allow a teacher's file to run code: a SavedModel, whose graph may read and write files, "
        "or a .pth file that is not weights alone. Only for files whose origin you trust.",
    )
    teacher_network: str = option(
        "", "Name of the network whose official PyTorch weights the .pth of --teacher holds."
    )
    teacher_mean: tuple[float, ...] = option(
        (),
        "Mean of each channel of images in [0, 1], with which a teacher from a .pth file or by "
        "name standardizes them; if empty, for a .pth file those known of the target data set, and "
        "else those of its training split.",
        at_least=0.0,
        at_most=1.0,
    )
    teacher_std: tuple[float, ...] = option(
        (), "Standard deviation of each channel, given with --teacher_mean.", above=0.0, at_most=1.0
    )
    teacher_input: str = option(
        "unit",
        "Input range of a teacher from a .keras file: `unit` images in [0, 1], `signed` in "
        "[-1, 1], `bytes` in [0, 255], or standardized by the statistics of ImageNet, CIFAR-10 or "
        "CIFAR-100.",
        choices=TEACHER_INPUTS,
    )
    teacher_epochs: int = option(200, "Epochs of the teacher's training.", at_least=1)
    teacher_batch_size: int = option(128, "Batch size of the teacher's training.", at_least=2)
    teacher_learning_rate: float = option(
        0.1, "Peak of the teacher's cosine learning-rate schedule.", above=0.0
    )
    teacher_weight_decay: float = option(5e-4, "L2 weight decay of the teacher.", at_least=0.0)
    teacher_augmentation: str = option(
        "pad_crop_flip", "Augmentation of the teacher's training images.", choices=AUGMENTATIONS
    )

    def __post_init__(self):
        """Checks that the options about files fit the file that is named."""
        super().__post_init__()
        is_pth = self.teacher.endswith(".pth")
        if is_pth and not self.teacher_network:
            raise RequestError(
                "`teacher_network` is needed with a .pth file, which holds weights alone. Expected "
                f"the name of the network. Received: teacher={self.teacher} without it"
            )
        if self.teacher_network and not is_pth:
            raise RequestError(
                "`teacher_network` goes with a .pth file. Expected one as `teacher`. Received: "
                f"teacher={self.teacher or 'nothing'}. Leave `teacher_network` out"
            )
        if is_pth and self.teacher_input != "unit":
            raise RequestError(
                "`teacher_input` goes with a .keras file. Expected `teacher_mean` and "
                f"`teacher_std` for a .pth file. Received: teacher_input={self.teacher_input}. "
                "Leave `teacher_input` out"
            )
        if self.teacher_mean and self.teacher.endswith(".keras"):
            raise RequestError(
                "`teacher_mean` goes with a .pth file or the name of a network. Expected "
                f"`teacher_input` for a .keras file. Received: teacher={self.teacher}. Leave "
                "`teacher_mean` out"
            )
        if len(self.teacher_mean) != len(self.teacher_std):
            raise RequestError(
                "`teacher_mean` and `teacher_std` go together. Expected a number a channel in "
                f"each. Received: {len(self.teacher_mean)} and {len(self.teacher_std)} numbers. "
                "Give both or neither"
            )
