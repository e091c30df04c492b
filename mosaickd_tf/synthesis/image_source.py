"""Sources of the synthetic images of a finished run, with the teacher that labels them."""

import dataclasses
from collections.abc import Callable, Iterator

import keras
import numpy as np

from mosaickd_tf import export
from mosaickd_tf.config import declared
from mosaickd_tf.errors import RequestError
from mosaickd_tf.methods.image_memory import ImageMemory
from mosaickd_tf.tasks import Task
from mosaickd_tf.teachers import teacher_of_run
from mosaickd_tf.training.checkpoints import Checkpoints
from mosaickd_tf.workdir import inputs
from mosaickd_tf.workdir.finished import FinishedRun

_AT_ONCE = 1024  # images of one draw


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Source of the synthetic images of a run.

    Attributes:
        teacher: Keras model from unit images to logits.
        task: `Task` of the teacher.
        label: function of the number of a class that returns its name.
        origin: description of how the images are generated.
        draw: function of a count and a seed that yields uint8 images
            `(n, height, width, channels)`, `count` in all; `RequestError` for more than exist.
    """

    teacher: keras.Model
    task: Task
    label: Callable[[int], str]
    origin: str
    draw: Callable[[int, int], Iterator[np.ndarray]]


def open_image_source(workdir):
    """Opens the folder of a finished run.

    Args:
        workdir: the folder.

    Returns:
        An `ImageSource`.

    Raises:
        RequestError: when the run, its teacher or the source of its images is missing, or what it
            started from has changed.
    """
    run = FinishedRun(workdir)
    inputs.check_unchanged(run)
    teacher = teacher_of_run(run.folder, run.config)
    origin, draw = _images(run)
    return ImageSource(teacher=teacher, task=run.task, label=run.label, origin=origin, draw=draw)


def _images(run):
    """Returns the origin of the images, as text, and the function that draws them."""
    method = run.result["method"]
    if declared.methods()[method].synthetic_images == "image bank":
        return _bank(run)
    synthesize = export.synthesizer(run)
    if synthesize is None:
        raise RequestError(
            f"The run kept no generator. Expected {export.GENERATOR} in {str(run.folder)!r}, of a "
            f"method with a generator. Received: a run of method={method} without"
        )

    def draw(count, seed):
        for number, start in enumerate(range(0, count, _AT_ONCE)):
            # A complete draw each time, so that a larger count begins with the images of a smaller.
            yield synthesize(_AT_ONCE, (seed, number))[: count - start]

    return "generator in inference mode: its normalizations use their moving statistics", draw


def _bank(run):
    """Returns the same for the images of DeepInversion in the last checkpoint of the run."""
    data = run.config.data
    shape = data.image_shape
    bank = ImageMemory(run.config.methods["deep_inversion"].bank, shape)
    Checkpoints(run.checkpoints_path, {"bank": bank}).restore()
    filled = int(bank.filled)

    def draw(count, seed):
        if count > filled:
            raise RequestError(
                f"`count` must be at most the {filled:,} images that the run finished; the method "
                f"deep_inversion has no generator. Received: count={count}"
            )
        order = np.random.default_rng(seed).permutation(filled)[:count]
        for start in range(0, count, _AT_ONCE):
            yield bank.images.numpy()[order[start : start + _AT_ONCE]]

    return "pixels by gradient descent, finished during the run", draw
