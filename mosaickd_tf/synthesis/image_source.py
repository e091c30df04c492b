"""Where the synthetic images of a finished run come from, and who names their classes."""

import dataclasses
from collections.abc import Callable, Iterator

import keras
import numpy as np

from mosaickd_tf import export
from mosaickd_tf.config import (
    DataConfig,
    DataFreeTerms,
    TeacherConfig,
    TeacherTrainingConfig,
    from_options,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.image_memory import ImageMemory
from mosaickd_tf.teachers import teacher_of_run
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.workdir import finished

_AT_ONCE = 1024  # images of one draw


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSource:
    """What a run can give.

    Attributes:
        teacher: Keras model from unit images to logits.
        label: function of a class that gives its name.
        made: how the images are made, in words.
        draw: function of a count and a seed that gives a stream of uint8 images
            `(n, height, width, channels)`, `count` in all; `RequestError` for more than there are.
    """

    teacher: keras.Model
    label: Callable[[int], str]
    made: str
    draw: Callable[[int, int], Iterator[np.ndarray]]


def open_image_source(workdir):
    """Opens the folder of a finished run.

    Args:
        workdir: the folder.

    Returns:
        A `ImageSource`.

    Raises:
        RequestError: when the run, its teacher or what makes its images is not there.
    """
    run = finished.read(workdir)
    asked = run.result["config"]
    config = TeacherTrainingConfig(
        data=from_options(DataConfig, asked), teacher=from_options(TeacherConfig, asked)
    )
    teacher = teacher_of_run(run.folder, config)
    made, draw = _images(run, asked, teacher.output_shape[-1])
    return ImageSource(teacher=teacher, label=run.label, made=made, draw=draw)


def _images(run, asked, classes):
    """How the images are made, and what draws them."""
    if run.result["method"] == "deep_inversion":
        return _bank(run.folder, asked)
    synthesize = export.synthesizer(run.folder, asked, classes)
    if synthesize is None:
        raise RequestError(
            f"The run kept no generator. Expected {export.GENERATOR} in "
            f"{str(run.folder)!r}, of a method with a generator. Received: a run of --method="
            f"{run.result['method']} without"
        )

    def draw(count, seed):
        for number, start in enumerate(range(0, count, _AT_ONCE)):
            # A whole draw each time, so that a larger count begins with the images of a smaller.
            yield synthesize(_AT_ONCE, (seed, number))[: count - start]

    return "generator in inference mode: its normalisations use their moving statistics", draw


def _bank(folder, asked):
    """The images that DeepInversion finished, as the last checkpoint of the run has them."""
    data = from_options(DataConfig, asked)
    shape = (data.image_size, data.image_size, data.channels)
    bank = ImageMemory(from_options(DataFreeTerms, asked).deep_inversion_bank, shape)
    Checkpoints(folder / "checkpoints", {"bank": bank}).restore()
    filled = int(bank.filled)

    def draw(count, seed):
        if count > filled:
            raise RequestError(
                f"`count` must be at most the {filled:,} images that the run finished; "
                f"--method=deep_inversion has no generator. Received: count={count}"
            )
        order = np.random.default_rng(seed).permutation(filled)[:count]
        for start in range(0, count, _AT_ONCE):
            yield bank.images.numpy()[order[start : start + _AT_ONCE]]

    return "pixels by gradient descent, finished during the run", draw
