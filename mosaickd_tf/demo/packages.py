"""LiteRT.js, which runs .tflite files in a browser: brought once by npm, then kept.

Which packages, in which versions and with which SHA-512, stands in package-lock.json beside
this file; npm refuses what has another content.
"""

import hashlib
import logging
import pathlib
import shutil
import subprocess

from mosaickd_tf.errors import RequestError, RunError
from mosaickd_tf.utils import files

logger = logging.getLogger(__name__)

HERE = pathlib.Path(__file__).parent
_NAMES = ("package.json", "package-lock.json")
_NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")


def runtime(cache_dir=""):
    """The folder of the packages, from the cache or from npm.

    Args:
        cache_dir: where they are kept; `litert_js` in the user's cache if empty.

    Returns:
        A `pathlib.Path` to a folder `node_modules`.

    Raises:
        RequestError: when they have to be brought and npm is missing.
        RunError: when npm fails; the cache is then as it was.
    """
    folder = files.cache_folder("litert_js", cache_dir) / lock_name()
    if not folder.is_dir():
        _bring(folder)
    return folder / "node_modules"


def lock_name():
    """The name of the folder of the packages, made from their lock: another lock, another one."""
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]


def _bring(folder):
    if shutil.which("npm") is None:
        raise RequestError(
            "npm is needed once, to bring LiteRT.js. Expected it on the PATH. Received: none. "
            "Install Node.js with npm (Debian, Ubuntu: apt-get install npm; macOS: brew install "
            "node)"
        )
    logger.info("bringing LiteRT.js with npm, once (12 MB)")
    with files.atomic_write(folder) as partial:
        partial.mkdir()
        for name in _NAMES:
            shutil.copy(HERE / name, partial)
        done = subprocess.run(_NPM, cwd=partial, capture_output=True, text=True)
        if done.returncode:
            raise RunError(
                f"npm could not bring LiteRT.js: {_reason(done.stderr)}. Nothing was kept; with "
                "a network the same command tries again"
            )


def _reason(words):
    """What npm says first of its failure."""
    lines = [line.removeprefix("npm error").strip() for line in words.splitlines()]
    return next(filter(None, lines), "it gave no reason")
