"""Files of the demo: the page, LiteRT.js and the files of a run, each at a fixed path."""

import base64
import dataclasses
import hashlib
import json
import pathlib
import re

import numpy as np

from mosaickd_tf import evaluation, report
from mosaickd_tf.data import grids
from mosaickd_tf.data.images import as_png
from mosaickd_tf.errors import RequestError
from mosaickd_tf.report.table import percent
from mosaickd_tf.workdir.finished import FinishedRun

PAGE = pathlib.Path(__file__).with_name("page")
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".tflite": "application/octet-stream",
    ".wasm": "application/wasm",
}
# Builds of LiteRT.js for the CPU, with and without relaxed SIMD.
_BUILDS = ("litert_wasm_internal", "litert_wasm_compat_internal")
RUNTIME = (
    "core/dist/index.js",
    "wasm-utils/dist/index.js",
    *(f"core/wasm/{build}{suffix}" for build in _BUILDS for suffix in (".js", ".wasm")),
)
MODELS = {"student_float32.tflite": "float32", "student_int8.tflite": "int8"}
_READABLE = ("float32", "uint8")
_OOD_EXAMPLES = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Served:
    """File at a path of the site.

    Attributes:
        kind: its media type.
        source: bytes, or the path of a file, which is read at each request.
    """

    kind: str
    source: bytes | pathlib.Path

    def read(self):
        """Returns the content as bytes."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """All files of the demo.

    Attributes:
        files: dict from paths, which begin with a slash, to `Served`.
        policy: the content security policy of every response.
    """

    files: dict
    policy: str


def site(workdir, runtime):
    """Collects the site of a finished run.

    Args:
        workdir: the folder of the run.
        runtime: a folder `node_modules` with LiteRT.js.

    Returns:
        A `Site`.

    Raises:
        RequestError: when the folder has no finished run, or no .tflite that the page can run.
    """
    run = FinishedRun(workdir)
    models = _models(run)
    examples = dict(_examples(run))
    html = PAGE / "index.html"
    paths = {f"/{path.name}": path for path in PAGE.iterdir()}
    paths |= {"/": html, "/report.css": pathlib.Path(report.__file__).with_name("style.css")}
    paths |= {f"/litert/{name}": runtime / "@litertjs" / name for name in RUNTIME}
    paths |= {f"/models/{path.name}": path for path in models}
    files = {name: Served(kind=KINDS[path.suffix], source=path) for name, path in paths.items()}
    pngs = {f"/examples/{n}.png": as_png(image) for n, image in enumerate(examples.values())}
    files |= {name: Served(kind=KINDS[".png"], source=png) for name, png in pngs.items()}
    about = _about(run, models)
    about["examples"] = [
        {"path": path, "what": what} for path, what in zip(pngs, examples, strict=True)
    ]
    files["/about.json"] = Served(kind=KINDS[".json"], source=json.dumps(about).encode())
    return Site(files=files, policy=_policy(html.read_text(encoding="utf-8")))


def _models(run):
    """Opens the files of a run that a browser can run; returns `TfliteModel` by path."""
    paths = [run.export_path / file for file in MODELS]
    models = {path: evaluation.TfliteModel(path) for path in paths if path.is_file()}
    if not models:
        raise RequestError(
            f"Expected {' or '.join(MODELS)} in {str(run.export_path)!r}. Received: "
            "neither. bin/export writes them"
        )
    for path, model in models.items():
        if model.output_dtype not in _READABLE:
            raise RequestError(
                f"A browser's runtime reads outputs of {' or '.join(_READABLE)}. Received: "
                f"{model.output_dtype} from {str(path)!r}"
            )
    return models


def _about(run, models):
    """Returns the facts that the page shows, without its examples."""
    first = next(iter(models.values()))
    height, width, channels = first.image_shape
    images = np.random.default_rng(0).integers(0, 256, (4, *first.image_shape), np.uint8)
    num_classes = first.predict(images).shape[-1]
    result = run.result
    return {
        "title": f"{result['student']['name']}, distilled from {result['teacher']['name']}",
        "lead": _lead(run),
        "multi_label": run.task.label_rank == 2,
        "image": {"height": height, "width": width, "channels": channels},
        "labels": [run.label(number) for number in range(num_classes)],
        "models": [
            {
                "name": MODELS[path.name],
                "file": path.name,
                "path": f"/models/{path.name}",
                "bytes": path.stat().st_size,
                "scale": float(model.scale),
                "zero_point": float(model.zero_point),
                "returns": _kind(model, run.task, images),
            }
            for path, model in models.items()
        ],
    }


def _lead(run):
    """Returns a sentence on the origin of the student."""
    result = run.result
    ood_dataset = result["config"]["ood_dataset"]
    text = f"Trained by {result['method']} "
    text += f"with images of {ood_dataset}" if ood_dataset else "without any real images"
    if result["student"]["accuracy"] is not None:
        text += f"; accuracy on the test split: {percent(result['student']['accuracy'])}"
    return f"{text}."


def _kind(model, task, images):
    """Returns whether outputs of a file are "probabilities" or "logits"."""
    rows = model.predict(images)
    step = 0 if model.output_dtype == "float32" else model.scale
    found = rows.min() >= 0 and rows.max() <= 1
    if task.label_rank == 1:  # a sum of 1, but for the rounding of integers
        error = np.abs(rows.sum(axis=-1) - 1).max()
        found = found and error <= 1e-3 + rows.shape[-1] * step / 2
    return "probabilities" if found else "logits"


def _examples(run):
    """Yields images of the run: pairs of a description and a uint8 image."""
    if run.synthetic_images is not None and run.synthetic_classes:
        counts = run.synthetic_classes
        for number, images in zip(grids.shown_classes(counts), run.synthetic_images, strict=False):
            if counts[number]:
                yield f"Synthetic; the teacher predicts {run.label(number)}", images[0]
    if run.ood_images is not None:
        for number, image in enumerate(run.ood_images[:_OOD_EXAMPLES], start=1):
            yield f"OOD image {number}", image


def _policy(html):
    """Returns the policy: only the site's own files, and of inline scripts only the import map."""
    (script,) = re.findall(r"<script type=\"importmap\">(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = (
        "default-src 'none'",
        f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return "; ".join(rules)
