"""Options of the data and of the teacher."""

import dataclasses
import pathlib

from mosaickd_tf.config import paths
from mosaickd_tf.config.options import ConfigSection, assignment, image_size, option
from mosaickd_tf.errors import RequestError

TEACHER_INPUTS = ("auto", "unit", "signed", "bytes", "imagenet", "caffe", "cifar10", "cifar100")
OUTPUT_KINDS = ("auto", "logits", "softmax", "sigmoid")
LAYOUTS = ("auto", "channels_last", "channels_first")
AUGMENTATIONS = ("none", "pad_crop", "pad_crop_flip")


TASKS = ("auto", "single_label", "multi_label")
TASK_HELP = (
    "Meaning of the outputs: exactly one class an image (softmax), or any number of labels (an "
    "independent sigmoid each); `auto` is read off the file of the model."
)

LABELS_HELP = (
    "File with the name of each label, in the order of the model's outputs: a name a line, lines "
    "as `0 cardboard`, or JSON."
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

    task: str = option("auto", TASK_HELP, choices=TASKS)
    target_dataset: str = option(
        "",
        "The teacher's own data, for evaluation, selection of weights and training of a teacher by "
        "name; never shown to the student. tfds:NAME, folder:PATH or embedded:digits. Optional "
        "when the teacher is a file.",
        listing="datasets",
        parse=paths.data_set,
    )
    ood_dataset: str = option(
        "",
        "Unrelated, unlabeled images (out-of-domain): tfds:NAME, folder:PATH or embedded:photos.",
        listing="datasets",
        parse=paths.data_set,
    )
    data_dir: str = option(
        "", "Folder of the prepared TFDS data sets; TFDS's default if empty.", parse=paths.path
    )
    image_size: int | tuple = option(
        0,
        "Side in pixels of the images that the student takes, or HEIGHTxWIDTH, from 8 to 512; 0 "
        "for the size of the teacher's own, or 32 where that is open. A teacher of another size "
        "sees them resized.",
        parse=image_size,
    )
    channels: int = option(
        0,
        "Channels of the images: 1 is gray, 3 is color; 0 for the teacher's own.",
        choices=(0, 1, 3),
    )
    labels: str = option("", LABELS_HELP, parse=paths.path)
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
    views: int = option(
        0,
        "Number of augmentations of the OOD images that are shown to the student again and again, "
        "with the teacher's logits, which are computed once before the training; 0 for new ones "
        "in each pass. For --method=mosaic, kd, balanced and dro_ood; others do without.",
        at_least=0,
    )
    store_megabytes: int = option(
        1024, "What the logits of --views may take; above it there are fewer views.", at_least=1
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
        parse=paths.path,
    )

    def __post_init__(self):
        """Checks the size of the images, which may be left to the teacher."""
        super().__post_init__()
        sides = self.image_size if isinstance(self.image_size, tuple) else (self.image_size,)
        if self.image_size and min(sides) < 8:
            raise RequestError(
                "`image_size` has a wrong value. Expected at least 8 pixels a side, or 0. "
                f"Received: {assignment('image_size', self.image_size)}"
            )

    @property
    def image_shape(self):
        """Height, width and channels of the images; of color images of 32 pixels where left out."""
        size = self.image_size or 32
        height, width = size if isinstance(size, tuple) else (size, size)
        return height, width, self.channels or 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class TeacherConfig(ConfigSection):
    """Teacher."""

    teacher: str = option(
        "",
        "A model file: .keras, .h5 or .hdf5 of any Keras, .pth of the official PyTorch code (with "
        "--teacher_network), .tflite, the folder of a SavedModel (with --allow_code); or the name "
        "of a network to train on the target data. bin/inspect shows what is in a file.",
        parse=paths.network,
    )
    allow_code: bool = option(
        False,
        "Allow a teacher's file to run code: a SavedModel, whose graph may read and write files, "
        "a .pth file that is not weights alone, a Keras file with Lambda layers, or "
        "--custom_objects. Only for files whose origin you trust.",
    )
    custom_objects: str = option(
        "",
        "Python module, a .py file, that defines the custom layers of a Keras file; imported "
        "with --allow_code.",
        parse=paths.path,
    )
    teacher_network: str = option(
        "",
        "Name of the network whose weights the file of --teacher holds: one of this package for an "
        "official .pth file, or one of keras.applications for a .weights.h5 file.",
    )
    teacher_signature: str = option(
        "", "Signature of a SavedModel; `serving_default`, or the only one, if empty."
    )
    teacher_input: str = option(
        "auto",
        "Pixels that the teacher expects: `unit` in [0, 1], `signed` in [-1, 1], `bytes` in "
        "[0, 255], `imagenet`, `cifar10` or `cifar100` standardized by those statistics, `caffe` "
        "BGR in [0, 255] less ImageNet's means; `auto` is read off the network, or chosen by the "
        "statistics that the network stores, and refused where they do not tell.",
        choices=TEACHER_INPUTS,
    )
    teacher_mean: tuple[float, ...] = option(
        (),
        "Mean of each channel of images in [0, 1], with which a teacher standardizes them, in "
        "place of --teacher_input; if empty, for a .pth file those known of the target data set, "
        "and else, as for a teacher by name, those of its training split.",
        at_least=0.0,
        at_most=1.0,
    )
    teacher_std: tuple[float, ...] = option(
        (), "Standard deviation of each channel, given with --teacher_mean.", above=0.0, at_most=1.0
    )
    teacher_layout: str = option(
        "auto", "Order of the axes of the teacher's images.", choices=LAYOUTS
    )
    teacher_output: str = option(
        "",
        "Name or number, from 0, of the output that classifies, of a teacher with several; the "
        "plausible one if empty.",
    )
    teacher_output_kind: str = option(
        "auto",
        "Values of that output: `logits`, or probabilities of `softmax` or of independent "
        "`sigmoid`; `auto` is read off the network or the values, and refused where they do not "
        "tell.",
        choices=OUTPUT_KINDS,
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
        if self.teacher_network and pathlib.Path(self.teacher).suffix in ("", ".keras"):
            raise RequestError(
                "`teacher_network` goes with a file of weights. Expected one as `teacher`. "
                f"Received: teacher={self.teacher or 'nothing'}. Leave `teacher_network` out"
            )
        if is_pth and self.teacher_input not in ("auto", "unit"):
            raise RequestError(
                "`teacher_input` goes with other files. Expected `teacher_mean` and "
                f"`teacher_std` for a .pth file. Received: teacher_input={self.teacher_input}. "
                "Leave `teacher_input` out"
            )
        if self.teacher_mean and self.teacher_input not in ("auto", "unit"):
            raise RequestError(
                "`teacher_mean` takes the place of `teacher_input`. Expected one of them. "
                f"Received: both, teacher_input={self.teacher_input}. Leave one out"
            )
        if self.custom_objects and not self.allow_code:
            raise RequestError(
                "`custom_objects` runs code. Expected `allow_code` with it. Received: "
                f"custom_objects={self.custom_objects} without it. Allow it if you trust its source"
            )
        if len(self.teacher_mean) != len(self.teacher_std):
            raise RequestError(
                "`teacher_mean` and `teacher_std` go together. Expected a number a channel in "
                f"each. Received: {len(self.teacher_mean)} and {len(self.teacher_std)} numbers. "
                "Give both or neither"
            )
