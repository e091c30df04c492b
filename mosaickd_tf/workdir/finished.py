"""A finished run as its folder holds it."""

import dataclasses
import pathlib

import numpy as np

from mosaickd_tf.data import grids
from mosaickd_tf.errors import RequestError
from mosaickd_tf.training.metrics_log import read_rows
from mosaickd_tf.utils import files


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What the report is made of.

    Attributes:
        folder: where the run lies.
        result: the content of result.json.
        rows: rows of metrics.jsonl by method, the run's own first, then the baselines.
        versions: the content of versions.json.
        flags: the text of flags.cfg.
        label_names: a name for each class, or an empty tuple where they are not known.
        predictions: the content of test_predictions.json, or None without a test part.
        synthetic_images: uint8 `(classes, images, side, side, channels)`, a row for each class
            of `grids.shown_classes`; None without a generator.
        ood_images: uint8 `(n, side, side, channels)`, or None.
    """

    folder: pathlib.Path
    result: dict
    rows: dict
    versions: dict
    flags: str
    label_names: tuple
    predictions: dict | None
    synthetic_images: np.ndarray | None
    ood_images: np.ndarray | None

    @property
    def synthetic_classes(self):
        """How many synthetic images each class had at the end; None without a generator."""
        own = self.rows[self.result["method"]]
        return own[-1].get("synthetic_classes") if own else None

    def label(self, number):
        """What to call a class."""
        return self.label_names[number] if number < len(self.label_names) else f"class {number}"


def read(folder):
    """Reads the folder of a finished run.

    Raises:
        RequestError: when the folder holds none, or one of its files is broken.
    """
    try:
        return _read(pathlib.Path(folder))
    except RequestError:
        raise
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise RequestError(
            f"A file of this run is broken. Expected them as bin/distill wrote them. Received: "
            f"--workdir={str(folder)!r} ({type(error).__name__}: {error}). Remove its result.json "
            "and play the run's command again, which goes on from its checkpoints"
        ) from error


def _read(folder):
    result = files.read_json(folder / "result.json")
    if not isinstance(result, dict):
        raise RequestError(
            "Expected the folder of a finished run, with a result.json. Received: "
            f"--workdir={str(folder)!r} without. bin/distill with its flags goes on in it"
        )
    predictions = files.read_json(folder / "test_predictions.json")
    rows = {result["method"]: read_rows(folder / "metrics.jsonl")}
    for baseline in result["baselines"]:
        name = baseline["method"]
        rows.setdefault(name, read_rows(folder / "baselines" / name / "metrics.jsonl"))
    size = result["config"]["image_size"]
    ood = _cut(folder / "samples" / "ood.png", size)
    return FinishedRun(
        folder=folder,
        result=result,
        rows=rows,
        versions=files.read_json(folder / "versions.json") or {},
        flags=_text(folder / "flags.cfg"),
        label_names=_label_names(folder, predictions),
        predictions=predictions,
        synthetic_images=_cut(folder / "samples" / "by_class.png", grids.thumbnail_side(size)),
        ood_images=None if ood is None else grids.thumbnails(ood.reshape(-1, *ood.shape[2:])),
    )


def _cut(path, side):
    return grids.cut_grid(path, side) if path.is_file() else None


def _label_names(folder, predictions):
    if predictions:
        return tuple(predictions["label_names"])
    return tuple(_text(folder / "export" / "labels.txt").splitlines())


def _text(path):
    return path.read_text(encoding="utf-8") if path.is_file() else ""
