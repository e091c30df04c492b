"""Synthetic images on disk, as PNG files or TFRecord; complete or not at all."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.data.images import as_png
from mosaickd_tf.errors import RequestError
from mosaickd_tf.synthesis.image_source import open_image_source
from mosaickd_tf.utils import files

ABOUT, LOGITS, LABELS, RECORDS = "about.json", "logits.jsonl", "labels.txt", "images.tfrecord"
MULTI_LABEL_FOLDER = "images"  # of PNG files, of which each has any number of labels
WARNING = (
    "Synthetic images can resemble what the teacher was trained on; pass them on only to those "
    "who may see its training data"
)


def synthesize(config):
    """Writes synthetic images of a run with the teacher's logits.

    Args:
        config: a `SynthesisConfig`.

    Returns:
        The folder, and the content of its about.json.

    Raises:
        RequestError: when the run cannot make the images, or the folder is not empty.
    """
    folder = pathlib.Path(config.output_dir or pathlib.Path(config.workdir, "synthetic")).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(
            "The folder for the images is not empty. Expected a new or an empty one. "
            f"Received: output_dir={str(folder)!r}. Choose another `output_dir`"
        )
    source = open_image_source(config.workdir)
    num_classes = source.teacher.output_shape[-1]
    counts = np.zeros(num_classes, int)
    with files.atomic_write(folder) as partial:
        partial.mkdir()
        writer = _WRITERS[config.format](partial, source.task, num_classes)
        with writer:
            for images in source.draw(config.count, config.seed):
                logits = evaluation.predict_logits(source.teacher, images)
                predictions = source.task.predictions(logits)
                counts += source.task.count_labels(predictions, num_classes)
                labels = source.task.as_lists(predictions)
                for row in zip(images, logits, labels, strict=True):
                    writer.write(*row)
        names = [source.label(number).replace("\n", " ") for number in range(num_classes)]
        files.write_text(partial / LABELS, "".join(f"{name}\n" for name in names))
        about = {
            "count": config.count,
            "seed": config.seed,
            "made_by": source.origin,
            "teacher": source.teacher.name,
            "classes": counts.tolist(),
            "warning": WARNING,
        }
        files.write_json(partial / ABOUT, about)
    return folder, about


class _PngWriter:
    """Writes a PNG file and a line of JSON for each image.

    The files are in a folder for each predicted class, or of several labels in one folder.
    """

    def __init__(self, folder, task, num_classes):
        self._folder = folder
        self._digits = len(str(num_classes - 1))  # so that names sort as numbers do
        self._key = "labels" if task.label_rank == 2 else "class"
        self._count = 0

    def __enter__(self):
        self._lines = (self._folder / LOGITS).open("w", encoding="ascii")

    def __exit__(self, *_):
        self._lines.close()

    def write(self, image, logits, label):
        """Writes an image with its logits and its predicted class, or list of labels."""
        parent = MULTI_LABEL_FOLDER if self._key == "labels" else f"{label:0{self._digits}d}"
        path = self._folder / parent / f"{self._count:06d}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(as_png(image))
        name = path.relative_to(self._folder).as_posix()
        row = {"file": name, self._key: label, "logits": logits.astype(float).tolist()}
        self._lines.write(json.dumps(row, allow_nan=False) + "\n")
        self._count += 1


class _RecordWriter:
    """Writes a `tf.train.Example` for each image; docs/privacy.md lists its features."""

    def __init__(self, folder, task, num_classes):
        self._path = str(folder / RECORDS)

    def __enter__(self):
        self._writer = tf.io.TFRecordWriter(self._path)

    def __exit__(self, *_):
        self._writer.close()

    def write(self, image, logits, label):
        """Writes an image with its logits and its predicted class, or list of labels."""
        feature = {
            "image/encoded": _feature(bytes_list=[as_png(image)]),
            "image/format": _feature(bytes_list=[b"png"]),
            "class": _feature(int64_list=np.atleast_1d(label).astype(int).tolist()),
            "logits": _feature(float_list=logits.tolist()),
        }
        example = tf.train.Example(features=tf.train.Features(feature=feature))
        self._writer.write(example.SerializeToString())


_WRITERS = {"png": _PngWriter, "tfrecord": _RecordWriter}
_LISTS = {
    "bytes_list": tf.train.BytesList,
    "int64_list": tf.train.Int64List,
    "float_list": tf.train.FloatList,
}


def _feature(**values):
    return tf.train.Feature(**{name: _LISTS[name](value=value) for name, value in values.items()})
