"""`bin/results`: the ledger of runs and its page."""

import pathlib
import re
import subprocess

from mosaickd_tf.cli import app
from mosaickd_tf.cli.cells import read_cells
from mosaickd_tf.config import LedgerConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.report import ledger
from mosaickd_tf.report.results_page import render
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.result_file import read_result
from mosaickd_tf.workdir.run_folder import as_command

USAGE = """
Keeps the results of runs and writes docs/results.md from them. Run it in the project's folder.

  bin/results --add=runs/mine/result.json
  bin/results
  bin/results --check
"""

_STUDENTS = (".keras", ".tflite")
_LARGEST = 1_000_000  # bytes of a student that may be kept beside its result
_KEYS = ("config", "command", "commit", "machine")


def work(options):
    """Adds a result if one is given, and writes or checks the page."""
    folder, cells = pathlib.Path(options.results_dir), read_cells()
    if options.add:
        print(f"added {_add(options, folder, cells)}")
    paths = sorted(folder.glob("*.json"))
    runs = [
        run for path in paths for run in ledger.runs_of(read_result(path, _KEYS), path.stem, cells)
    ]
    text = render(runs, cells, _students(folder))
    page = pathlib.Path(options.page)
    if not options.check:
        files.write_text(page, text)
        print(f"wrote {page}")
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        raise RequestError(
            f"The page is not up to date. Expected {str(page)!r} as rendered from {str(folder)!r}. "
            "Received: another text. Run bin/results"
        )


def _students(folder):
    students = [path for path in folder.glob("*") if path.suffix in _STUDENTS]
    for path in students:
        if path.stat().st_size >= _LARGEST:
            raise RequestError(
                f"The file of a student is too large. Expected less than {_LARGEST:,} bytes. "
                f"Received: {path.stat().st_size:,} in {str(path)!r}. Keep it elsewhere"
            )
    return [path.name for path in students]


def _add(options, folder, cells):
    """Copies a result, without paths of its machine, under a name that describes its run."""
    result = read_result(options.add, _KEYS)
    run = ledger.runs_of(result, options.add, cells)[0]
    full = cells.options[run.data, run.method]["rounds"]
    rounds = () if run.rounds == full else (f"rounds={run.rounds}",)
    parts = (run.data, run.pair, run.method, *rounds, *run.changes, f"seed{run.seed}")
    path = folder / (re.sub(r"[^\w=.-]", "_", "-".join(parts)) + ".json")
    if path.exists():
        raise RequestError(
            f"Expected a run that is not in the ledger. Received: {options.add!r}, with the flags "
            f"and the seed of {str(path)!r}. Remove that first to replace it"
        )
    config = ledger.portable(result["config"])
    result |= {"config": config, "command": as_command(config), "commit": _commit(options, result)}
    files.write_json(path, result)
    return path


def _commit(options, result):
    """Returns the commit that ran: that of --commit, if git knows it, or that of the result."""
    if options.commit:
        command = ["git", "rev-parse", "--verify", "--quiet", f"{options.commit}^{{commit}}"]
        answer = subprocess.run(command, capture_output=True, text=True)
        if answer.returncode:
            raise RequestError(
                "Unknown commit. Expected one of this project. Received: "
                f"--commit={options.commit!r}. See git log"
            )
        return answer.stdout.strip()
    commit = result["commit"]
    if not commit or commit.endswith("-dirty"):
        raise RequestError(
            "The commit that produced this result is not known. Expected one in it. Received: "
            f"{commit or 'none'}. Name it by --commit"
        )
    return commit


def main():
    """Runs the command."""
    app.main(USAGE, {"options": LedgerConfig}, work)


if __name__ == "__main__":
    main()
