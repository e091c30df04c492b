"""LiteRT.js, which runs .tflite files in a browser: downloaded once by npm, then cached.

The packages, their versions and their SHA-512 are in package-lock.json beside this file; npm
refuses other content.
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
    """Returns the folder of the packages, from the cache or from npm.

    Args:
        cache_dir: of the packages; `litert_js` in the user's cache if empty.

    Returns:
        A `pathlib.Path` to a folder `node_modules`.

    Raises:
        RequestError: when they have to be downloaded and npm is missing.
        RunError: when npm fails; the cache then stays unchanged.
    """
    folder = files.cache_folder("litert_js", cache_dir) / lock_name()
    if not folder.is_dir():
        _download(folder)
    return folder / "node_modules"


def lock_name():
    """Returns the name of the folder of the packages, a hash of their lock file."""
    return hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]


def _download(folder):
    if shutil.which("npm") is None:
        raise RequestError(
            "npm is needed once, to download LiteRT.js. Expected it on the PATH. Received: none. "
            "Install Node.js with npm (Debian, Ubuntu: apt-get install npm; macOS: brew install "
            "node)"
        )
    logger.info("downloading LiteRT.js with npm, once (12 MB)")
    with files.atomic_write(folder) as partial:
        partial.mkdir()
        for name in _NAMES:
            shutil.copy(HERE / name, partial)
        done = subprocess.run(_NPM, cwd=partial, capture_output=True, text=True)
        if done.returncode:
            raise RunError(
                f"npm could not download LiteRT.js: {_reason(done.stderr)}. Nothing was cached; "
                "run the same command again with a network"
            )


def _reason(text):
    """Returns the first line of npm's error."""
    lines = [line.removeprefix("npm error").strip() for line in text.splitlines()]
    return next(filter(None, lines), "it gave no reason")
