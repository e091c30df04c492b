"""Inspection of a teacher's file: which images it takes, what it returns, how to use it."""

import dataclasses

import numpy as np
from sklearn.datasets import load_sample_images

from mosaickd_tf.config import with_options
from mosaickd_tf.data.images import as_pil_image, random_crops
from mosaickd_tf.errors import RequestError
from mosaickd_tf.models.graph.parts import outputs_in_parts
from mosaickd_tf.models.io.model_file import ModelFile
from mosaickd_tf.teachers import heads, inputs
from mosaickd_tf.teachers.heads import Head
from mosaickd_tf.teachers.inputs import TeacherInput

NUM_IMAGES = 256  # on which range and outputs are decided where the network does not show them
DEFAULT_SIDE = 32  # of images where neither the file nor the options name a size
_CROP_SEED = 2110


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection:
    """Findings about a teacher's file.

    Attributes:
        file: the `ModelFile`.
        taken: its `TeacherInput`, decided.
        head: its `Head`; None where it could not be told and is among the doubts.
        image_shape: `(height, width, channels)` of the unit images that it is used with.
        pixels_are_known: False where the range of pixels is among the doubts.
        doubts: what could not be told, with the options that settle it, as text.
    """

    file: ModelFile
    taken: TeacherInput
    head: Head
    image_shape: tuple
    pixels_are_known: bool = True
    doubts: tuple[str, ...] = ()

    def summary(self):
        """Returns what was concluded, in one line."""
        height, width, channels = self.taken.image_shape
        layout = " with channels_first" if self.taken.channels_first else ""
        return (
            f"teacher: {self.file.kind}, images {height or '?'}x{width or '?'}x{channels}{layout}, "
            f"teacher_input={self.taken.pixels} ({self.taken.evidence}), "
            f"teacher_output_kind={self.head.kind} of {self.head.num_labels} labels "
            f"({self.head.evidence})"
        )

    def network(self):
        """Returns the teacher as a Keras model from unit images to logits."""
        model = inputs.of_unit_images(self.file.model, self.taken, self.image_shape)
        return heads.with_logits(model, self.head)

    def conclusions(self):
        """Returns the options that say what was concluded; none for a model of this package."""
        if self.file.is_own:
            return {}
        options = _as_options(self.taken.pixels) if self.pixels_are_known else {}
        if self.taken.channels_first:
            options["teacher_layout"] = "channels_first"
        if self.head and len(self.file.output_names) > 1:
            options["teacher_output"] = self.head.name
        if self.head:
            options["teacher_output_kind"] = self.head.kind
        return options

    def resolved(self, config):
        """Returns a config in which all that was left to the teacher's file is said.

        Args:
            config: any config with the sections `data` and `teacher`.
        """
        data = {
            "image_size": self.image_shape[:2],
            "channels": self.image_shape[2],
            "task": self.head.task,
        }
        teacher = {
            "teacher_layout": "channels_first" if self.taken.channels_first else "channels_last",
            "teacher_output": self.head.name if len(self.file.output_names) > 1 else "",
            "teacher_output_kind": self.head.kind,
        } | _as_options(self.taken.pixels)
        return with_options(config, data=data, teacher=teacher)


def inspect_file(file, teacher, data, images=None, refuse_doubts=True):
    """Inspects a model file.

    Args:
        file: a `ModelFile`.
        teacher: the `TeacherConfig`; what it says is taken as it is.
        data: the `DataConfig`, whose image size and channels come first.
        images: real uint8 images `(n, height, width, channels)` of the run's shape, on which is
            decided what the file leaves open; photographs if left out.
        refuse_doubts: whether what cannot be told is an error; else `doubts` has it.

    Returns:
        An `Inspection`.

    Raises:
        RequestError: where something cannot be told, with the flag that settles it.
    """
    taken = inputs.read_input(file, teacher)
    image_shape = _image_shape(taken, data)
    images = (photographs(image_shape) if images is None else images)[:NUM_IMAGES]
    doubts, pixels_are_known = [], True
    try:
        taken = inputs.decide_pixels(taken, file.model, images)
    except RequestError as error:
        if refuse_doubts:
            raise
        doubts.append(str(error))
        taken = dataclasses.replace(taken, pixels="unit", evidence="it cannot be told")
        pixels_are_known = False

    def predict():
        model = inputs.of_unit_images(file.model, taken, image_shape)
        return outputs_in_parts(model, images.astype("float32") / 255)

    try:
        head = heads.find_head(file, teacher, predict, data.task)
    except RequestError as error:
        if refuse_doubts:
            raise
        doubts.append(str(error))
        head = None
    return Inspection(
        file=file,
        taken=taken,
        head=head,
        image_shape=image_shape,
        pixels_are_known=pixels_are_known,
        doubts=tuple(doubts),
    )


def with_image_shape(config, file):
    """Returns a config whose image size and channels are said: its own, else the teacher's.

    Args:
        config: any config with the sections `data` and `teacher`.
        file: the `ModelFile` of the teacher.
    """
    *size, channels = _image_shape(inputs.read_input(file, config.teacher), config.data)
    return with_options(config, data={"image_size": tuple(size), "channels": channels})


def photographs(image_shape):
    """Returns crops of the two photographs that scikit-learn has, uint8 `(n, *image_shape)`."""
    rng = np.random.default_rng(_CROP_SEED)
    crops = []
    for photo in load_sample_images().images:
        crops += random_crops(
            as_pil_image(photo),
            image_shape,
            count=NUM_IMAGES // 2,
            smallest=64,
            largest=400,
            rng=rng,
        )
    return np.stack(crops)


def _as_options(pixels):
    """Returns the options that say which pixels a teacher takes."""
    if isinstance(pixels, str):
        return {"teacher_input": pixels}
    mean, std = pixels
    return {"teacher_mean": tuple(mean), "teacher_std": tuple(std)}


def _image_shape(taken, data):
    """Returns the shape of the run's images: that of the options, else the teacher's own."""
    height, width, channels = taken.image_shape
    if data.image_size:
        height, width, _ = data.image_shape
    return height or DEFAULT_SIDE, width or DEFAULT_SIDE, data.channels or channels
