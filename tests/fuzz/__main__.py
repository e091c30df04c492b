"""The fuzzer: reads broken images and files that it generates from a seed.

For 500 HDF5 files and 500 SavedModels alone:

  bin/python -m tests.fuzz --images=0 --files=1000 --kinds=h5,savedmodel
"""

import argparse
import collections
import json
import os
import pathlib
import selectors
import subprocess
import sys
import tempfile
import time

from tests.fuzz import files

ITEM_SECONDS = 120  # the check of a model file may take 20 or more
ROOT = pathlib.Path(__file__).resolve().parents[2]


def fuzz(images, count, seed, kinds=files.KINDS):
    """Reads broken images and files.

    Args:
        images: number of images.
        count: number of files of all kinds together.
        seed: determines all of them.
        kinds: kinds of files.

    Returns:
        A list of results: dicts with `kind`, `number`, `outcome`, `seconds`; except for a
        crash also the `peak` memory of the process so far and `before` the first item, in KiB.
    """
    shares = {"image": images}
    shares |= {kind: (count + place) // len(kinds) for place, kind in enumerate(kinds)}
    with tempfile.TemporaryDirectory() as folder:
        files.write_valid(folder, pathlib.Path(folder, "witness"))
        return [
            result
            for kind, items in shares.items()
            for result in _of_kind(folder, kind, seed, items)
        ]


def _of_kind(folder, kind, seed, items):
    first, results = 0, []
    while first < items:
        found = _of_worker(folder, kind, seed, first, items)
        results += found
        first = found[-1]["number"] + 1
    return results


def _of_worker(folder, kind, seed, first, last):
    """Returns the results of one process, which may end early by a crash or a hang."""
    arguments = ["-m", "tests.fuzz.worker", folder, kind, str(seed), str(first), str(last)]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    worker = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    results, events, number = [], [], first
    for message in _messages(worker):
        number = message.get("begins", number)
        events += [message["event"]] if "event" in message else []
        if "ends" in message:
            outcome = f"CODE RAN: {events}" if events else message["outcome"]
            results.append(message | {"kind": kind, "number": number, "outcome": outcome})
            events = []
    code = worker.wait()
    worker.stdout.close()
    if not results or results[-1]["number"] != last - 1:
        outcome = "HANG" if code == -9 else f"CRASH {code}"
        results.append({"kind": kind, "number": number, "outcome": outcome, "seconds": 0.0})
    return results


def _messages(worker):
    """Yields the messages of a worker; kills it when none comes in time."""
    os.set_blocking(worker.stdout.fileno(), False)
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(worker.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(ITEM_SECONDS):
                worker.kill()
                return
            piece = os.read(worker.stdout.fileno(), 65536)
            if not piece:
                return
            *lines, rest = (rest + piece).split(b"\n")
            yield from (json.loads(line) for line in lines if line.startswith(b"{"))


def summary(results):
    """Formats a table of the outcomes by kind, and each failure on a line."""
    lines = []
    for kind in dict.fromkeys(result["kind"] for result in results):
        own = [result for result in results if result["kind"] == kind]
        counts = collections.Counter(result["outcome"] for result in own)
        lines.append(
            f"{kind:>10} {len(own):6,}  fine {counts['fine']:5,}  refused {counts['refused']:5,}  "
            f"failed {len(failures(own)):3}  slowest {max(r['seconds'] for r in own):5.1f} s  "
            f"peak {max(r.get('peak', 0) for r in own) / 1024:6,.0f} MiB, before the first "
            f"{max(r.get('before', 0) for r in own) / 1024:5,.0f}"
        )
    return "\n".join([*lines, *(str(result) for result in failures(results))])


def failures(results):
    """Returns the results that are neither `fine` nor `refused`."""
    return [result for result in results if result["outcome"] not in ("fine", "refused")]


def _parser():
    parser = argparse.ArgumentParser(
        prog="bin/python -m tests.fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=int, default=5000, help="number of images")
    parser.add_argument(
        "--files", type=int, default=500, help="number of files, of all kinds together"
    )
    parser.add_argument("--seed", type=int, default=0, help="determines all of them")
    parser.add_argument(
        "--kinds",
        type=lambda text: tuple(text.split(",")),
        default=files.KINDS,
        help=f"kinds of files: {','.join(files.KINDS)}",
    )
    return parser


def main():
    """Runs the command; exits with 1 after a failure."""
    arguments = _parser().parse_args()
    began = time.monotonic()
    results = fuzz(arguments.images, arguments.files, arguments.seed, arguments.kinds)
    print(summary(results))
    print(f"seed {arguments.seed}, {time.monotonic() - began:,.0f} seconds")
    sys.exit(1 if failures(results) else 0)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    sys.modules.setdefault("triton", None)  # PyTorch would import it, which ends the process
    main()
