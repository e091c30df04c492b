"""Synthetic images on disk: PNG in a folder a class, or TFRecord; whole or not at all."""

import collections
import json
import pathlib

import tensorflow as tf

from mosaickd_tf import evaluation
from mosaickd_tf.data.images import as_png
from mosaickd_tf.errors import RequestError
from mosaickd_tf.synthesis.image_source import open_image_source
from mosaickd_tf.utils import files

ABOUT, LOGITS, LABELS, RECORDS = "about.json", "logits.jsonl", "labels.txt", "images.tfrecord"
WARNING = (
    "Synthetic images can resemble what the teacher was trained on; hand them on only to whom "
    "you could hand that"
)


def synthesize(config):
    """Writes synthetic images of a run with the teacher's logits.

    Args:
        config: a `SynthesisConfig`.

    Returns:
        The folder, and what its about.json says.

    Raises:
        RequestError: when the run cannot make them, or the folder holds something already.
    """
    folder = pathlib.Path(config.output_dir or pathlib.Path(config.workdir, "synthetic")).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RequestError(
            f"The folder for the images holds something already. Expected a new or an empty one. "
            f"Received: --output_dir={str(folder)!r}"
        )
    supply = open_image_source(config.workdir)
    classes = supply.teacher.output_shape[-1]
    with files.atomic_write(folder) as partial:
        partial.mkdir()
        counts = _WRITERS[config.format](partial, _judged(supply, config), classes)
        labels = [supply.label(number).replace("\n", " ") for number in range(classes)]
        files.write_text(partial / LABELS, "".join(f"{label}\n" for label in labels))
        about = {
            "count": config.count,
            "seed": config.seed,
            "made_by": supply.made,
            "teacher": supply.teacher.name,
            "classes": [counts[number] for number in range(classes)],
            "warning": WARNING,
        }
        files.write_json(partial / ABOUT, about)
    return folder, about


def _judged(supply, config):
    """Pairs of an image and the teacher's logits of it."""
    for images in supply.draw(config.count, config.seed):
        yield from zip(images, evaluation.predict_logits(supply.teacher, images), strict=True)


def _write_png(folder, judged, classes):
    """A folder for each class that the teacher names, and a line of JSON for each image."""
    counts = collections.Counter()
    digits = len(str(classes - 1))  # so that names sort as numbers do
    with (folder / LOGITS).open("w", encoding="ascii") as lines:
        for number, (image, logits) in enumerate(judged):
            named = int(logits.argmax())
            path = folder / f"{named:0{digits}d}" / f"{number:06d}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(as_png(image))
            place = path.relative_to(folder).as_posix()
            row = {"file": place, "class": named, "logits": logits.astype(float).tolist()}
            lines.write(json.dumps(row, allow_nan=False) + "\n")
            counts[named] += 1
    return counts


def _write_records(folder, judged, classes):
    """A `tf.train.Example` an image; its features are in docs/privacy.md."""
    counts = collections.Counter()
    with tf.io.TFRecordWriter(str(folder / RECORDS)) as writer:
        for image, logits in judged:
            named = int(logits.argmax())
            feature = {
                "image/encoded": _feature(bytes_list=[as_png(image)]),
                "image/format": _feature(bytes_list=[b"png"]),
                "class": _feature(int64_list=[named]),
                "logits": _feature(float_list=logits.tolist()),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString())
            counts[named] += 1
    return counts


_WRITERS = {"png": _write_png, "tfrecord": _write_records}
_LISTS = {
    "bytes_list": tf.train.BytesList,
    "int64_list": tf.train.Int64List,
    "float_list": tf.train.FloatList,
}


def _feature(**values):
    return tf.train.Feature(**{name: _LISTS[name](value=value) for name, value in values.items()})
