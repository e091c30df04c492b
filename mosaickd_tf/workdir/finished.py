"""A finished run, read from its folder."""

import functools
import pathlib

from mosaickd_tf.config import DistillConfig, from_options
from mosaickd_tf.config.earlier import with_earlier
from mosaickd_tf.data import grids
from mosaickd_tf.errors import RequestError
from mosaickd_tf.tasks import get_task
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.utils import files
from mosaickd_tf.workdir import result_file

GENERATOR = "generator.keras"  # file of a run's generator


def _part(read):
    """Turns a method into a property that is read once, and its errors into `RequestError`."""

    @functools.wraps(read)
    def checked(run):
        try:
            return read(run)
        except RequestError:
            raise
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            raise RequestError(
                "A file of this run is broken. Expected the files that bin/distill writes. "
                f"Received: workdir={str(run.folder)!r} ({type(error).__name__}: {error}). Remove "
                "its result.json and run its command again, which resumes from its checkpoints"
            ) from error

    return functools.cached_property(checked)


class RunPaths:
    """Paths of the files of a run, finished or not.

    Args:
        folder: of the run.

    Attributes:
        folder: a `pathlib.Path`.
        result_path: file of the result, which exists when the run is finished.
        export_path: folder of the exported files.
        student_path: file of the student.
        labels_path: file with the name of each class on a line, which exists if they are known.
        generator_path: file of the generator, which exists if the method has one.
        teacher_path: file of the teacher, which exists if the run trained it.
        checkpoints_path: folder of the checkpoints.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.result_path = self.folder / result_file.NAME
        self.export_path = self.folder / "export"
        self.student_path = self.export_path / "student.keras"
        self.labels_path = self.export_path / "labels.txt"
        self.generator_path = self.folder / GENERATOR
        self.teacher_path = self.folder / "teacher" / "teacher.keras"
        self.checkpoints_path = self.folder / "checkpoints"


class FinishedRun(RunPaths):
    """A finished run in its folder, also of an earlier version; parts are read at first use.

    Each part raises `RequestError` when its file is broken.

    Args:
        folder: of the run.

    Attributes:
        result: the content of result.json, without options that no longer exist.

    Raises:
        RequestError: when the folder holds no finished run.
    """

    def __init__(self, folder):
        super().__init__(folder)
        self.result = result_file.read_result(self.result_path)

    @_part
    def config(self):
        """Returns the `DistillConfig`; options that the run's version lacked are as it ran."""
        return from_options(DistillConfig, with_earlier(self.result["config"]))

    @_part
    def task(self):
        """Returns the `Task`; runs of versions without tasks have one label an image."""
        return get_task(self.result.get("task", self.config.data.task))

    @_part
    def rows(self):
        """Returns the rows of metrics.jsonl by method, the run's own first, then the baselines."""
        rows = {self.result["method"]: read_rows(self.folder / "metrics.jsonl")}
        for baseline in self.result["baselines"]:
            name = baseline["method"]
            rows.setdefault(name, read_rows(self.folder / "baselines" / name / "metrics.jsonl"))
        return rows

    @_part
    def versions(self):
        """Returns the content of versions.json, empty without such a file."""
        return files.read_json(self.folder / "versions.json") or {}

    @_part
    def flags(self):
        """Returns the text of flags.cfg, empty without such a file."""
        return _text(self.folder / "flags.cfg")

    @_part
    def predictions(self):
        """Returns the content of test_predictions.json, or None without a test split."""
        return files.read_json(self.folder / "test_predictions.json")

    @_part
    def label_names(self):
        """Returns the name of each class, a tuple; empty where they are not known."""
        if self.predictions:
            return tuple(self.predictions["label_names"])
        return tuple(_text(self.labels_path).splitlines())

    @_part
    def synthetic_images(self):
        """Returns synthetic images by class, or None for a method without.

        Uint8 `(classes, images, height, width, channels)`, a row for each of `grids.shown_classes`.
        """
        size = grids.thumbnail_size(self._image_size)
        return _cut(self.folder / "samples" / "by_class.png", size)

    @_part
    def ood_images(self):
        """Returns OOD images, uint8 `(n, height, width, channels)`, or None for a run without."""
        images = _cut(self.folder / "samples" / "ood.png", self._image_size)
        if images is None:
            return None
        return grids.thumbnails(images.reshape(-1, *images.shape[2:]))

    @property
    def _image_size(self):
        return self.config.data.image_shape[:2]

    @property
    def synthetic_classes(self):
        """Returns the number of synthetic images of each class at the end, or None without."""
        own = self.rows[self.result["method"]]
        return own[-1].get("synthetic_classes") if own else None

    def label(self, number):
        """Returns the name of a class, or its number as text where there is none."""
        return self.label_names[number] if number < len(self.label_names) else f"class {number}"


def _cut(path, size):
    return grids.cut_grid(path, size) if path.is_file() else None


def _text(path):
    return path.read_text(encoding="utf-8") if path.is_file() else ""
