"""What the demo serves: the page, LiteRT.js, the files of a run, each at a fixed path."""

import base64
import dataclasses
import hashlib
import io
import json
import pathlib
import re

import numpy as np

from mosaickd_tf import evaluation, report
from mosaickd_tf.data.images import as_picture
from mosaickd_tf.errors import RequestError
from mosaickd_tf.report import finished, pictures

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
_RUNTIME = (
    "core/dist/index.js",
    "wasm-utils/dist/index.js",
    *(f"core/wasm/{build}{suffix}" for build in _BUILDS for suffix in (".js", ".wasm")),
)
_MODELS = {"float32": "student_float32.tflite", "int8": "student_int8.tflite"}
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
    models = [_model(name, path) for name, path in _files_of(run)]
    examples = list(_examples(run))
    served = {f"/{path.name}": path for path in PAGE.iterdir() if path.suffix != ".html"}
    served["/"] = PAGE / "index.html"
    served["/demo.css"] = PAGE / "demo.css"
    served["/report.css"] = pathlib.Path(report.__file__).with_name("style.css")
    served |= {f"/litert/{name}": runtime / "@litertjs" / name for name in _RUNTIME}
    served |= {model["path"]: path for model, (_, path) in zip(models, _files_of(run), strict=True)}
    files = {name: Served(kind=KINDS[path.suffix], source=path) for name, path in served.items()}
    about = _about(run, models, [{"path": path, "what": what} for path, what, _ in examples])
    files["/about.json"] = Served(kind=KINDS[".json"], source=json.dumps(about).encode())
    files |= {
        path: Served(kind=KINDS[".png"], source=_png(image)) for path, _, image in examples
    }
    return Site(files=files, policy=_policy((PAGE / "index.html").read_text(encoding="utf-8")))
