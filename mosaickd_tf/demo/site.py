"""What the demo serves: the page, LiteRT.js, the files of a run, each at a fixed path."""

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
from mosaickd_tf.workdir import finished

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
# What LiteRT.js loads on the processor, with and without relaxed SIMD.
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
    """Something at a path.

    Attributes:
        kind: its media type.
        source: bytes, or the path of a file, which is read anew each time.
    """

    kind: str
    source: bytes | pathlib.Path

    def read(self):
        """The bytes."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """All that there is to see.

    Attributes:
        files: dict from paths, which begin with a slash, to what is `Served` there.
        policy: the content security policy of every answer.
    """

    files: dict
    policy: str


def site(workdir, runtime):
    """Gathers the site of a finished run.

    Args:
        workdir: the folder of the run.
        runtime: a folder `node_modules` that holds LiteRT.js.

    Returns:
        A `Site`.

    Raises:
        RequestError: when the folder holds no finished run, or no .tflite that the page can run.
    """
    run = finished.read(workdir)
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
    """The run's files that a browser can run, opened here: `TfliteModel` by path."""
    paths = [run.folder / "export" / file for file in MODELS]
    models = {path: evaluation.TfliteModel(path) for path in paths if path.is_file()}
    if not models:
        raise RequestError(
            f"Expected {' or '.join(MODELS)} in {str(run.folder / 'export')!r}. Received: "
            "neither. bin/export writes them"
        )
    for path, model in models.items():
        if model.output_dtype not in _READABLE:
            raise RequestError(
                f"A browser's runtime reads outputs of {' or '.join(_READABLE)}. Received: "
                f"{model.output_dtype} from {str(path)!r}"
            )
        if model.image_shape[0] != model.image_shape[1]:
            raise RequestError(
                f"Expected a model of square images. Received: {model.image_shape} in {str(path)!r}"
            )
    return models


def _about(run, models):
    """What the page has to know, but for its examples."""
    first = next(iter(models.values()))
    size, _, channels = first.image_shape
    gray = np.full((1, *first.image_shape), 128, np.uint8)
    classes = first.predict(gray).shape[-1]
    result = run.result
    return {
        "title": f"{result['student']['name']}, taught by {result['teacher']['name']}",
        "lead": _lead(result),
        "image": {"size": size, "channels": channels},
        "labels": [run.label(number) for number in range(classes)],
        "models": [
            {
                "name": MODELS[path.name],
                "file": path.name,
                "path": f"/models/{path.name}",
                "bytes": path.stat().st_size,
                "scale": float(model.scale),
                "zero_point": float(model.zero_point),
                "returns": "probabilities" if _sums_to_one(model, gray) else "logits",
            }
            for path, model in models.items()
        ],
    }


def _lead(result):
    """One sentence of where the student comes from."""
    pictures_of = result["config"]["ood_dataset"]
    words = f"It learned by {result['method']} from "
    words += f"pictures of {pictures_of}" if pictures_of else "no pictures at all"
    if result["student"]["accuracy"] is not None:
        words += f" and names {percent(result['student']['accuracy'])} of the test part right"
    return f"{words}."


def _sums_to_one(model, image):
    row = model.predict(image)[0]
    step = 0 if model.output_dtype == "float32" else model.scale
    return row.min() >= 0 and abs(row.sum() - 1) <= 1e-3 + len(row) * step / 2


def _examples(run):
    """What the run itself has to show: pairs of words and a uint8 image."""
    if run.synthetic_images is not None and run.synthetic_classes:
        counts = run.synthetic_classes
        for number, images in zip(grids.shown_classes(counts), run.synthetic_images, strict=False):
            if counts[number]:
                yield f"Synthetic; to the teacher it is {run.label(number)}", images[0]
    if run.ood_images is not None:
        for number, image in enumerate(run.ood_images[:_OOD_EXAMPLES], start=1):
            yield f"OOD picture {number}", image


def _policy(html):
    """Nothing but what the page itself names; of scripts in it, the import map alone."""
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
