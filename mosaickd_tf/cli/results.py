"""`bin/results`: the ledger of runs and the page made of it."""

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
from mosaickd_tf.workdir.run_folder import as_command

USAGE = """
Keeps the results of runs and writes docs/results.md from them. Run it in the project's folder.

  bin/results --add=runs/mine/result.json
  bin/results
  bin/results --check
"""

_STUDENTS = (".keras", ".tflite")
_LARGEST = 1_000_000  # bytes of a student that may lie beside its result
_NEEDED = ("config", "command", "commit", "machine")


def work(options):
    """Adds a result if one is named, and writes or checks the page."""
    folder, cells = pathlib.Path(options.results_dir), read_cells()
    if options.add:
        print(f"added {_add(options, folder, cells)}")
    paths = sorted(folder.glob("*.json"))
    runs = [run for path in paths for run in ledger.runs_of(_read(path), path.stem, cells)]
    text = render(runs, cells, _students(folder))
    page = pathlib.Path(options.page)
    if not options.check:
        files.write_text(page, text)
        print(f"wrote {page}")
    elif not page.is_file() or page.read_text(encoding="utf-8") != text:
        raise RequestError(
            f"Expected {str(page)!r} to be what {str(folder)!r} gives. Received: another text. "
            "Run bin/results"
        )


def _read(path):
    try:
        result = files.read_json(path)
    except ValueError as error:
        raise RequestError(
            f"Not a result. Expected the result.json of a finished run. Received: {str(path)!r} "
            f"({error}). Name another by --add, or remove it"
        ) from error
    if not isinstance(result, dict) or not all(name in result for name in _NEEDED):
        raise RequestError(
            f"Not a result. Expected a result.json with {', '.join(_NEEDED)}. Received: "
            f"{str(path)!r}. Name that of a finished run"
        )
    return result


def _students(folder):
    students = [path for path in folder.glob("*") if path.suffix in _STUDENTS]
    for path in students:
        if path.stat().st_size >= _LARGEST:
            raise RequestError(
                f"Too large a student beside its result. Expected less than {_LARGEST:,} bytes. "
                f"Received: {path.stat().st_size:,} in {str(path)!r}. Keep it elsewhere"
            )
    return [path.name for path in students]


def _add(options, folder, cells):
    """Copies a result, without places on its machine, under a name that says what it is."""
    result = _read(pathlib.Path(options.add))
    run = ledger.runs_of(result, options.add, cells)[0]
    whole = cells.options[run.data, run.method]["rounds"]
    rounds = () if run.rounds == whole else (f"rounds={run.rounds}",)
    parts = (run.data, run.pair, run.method, *rounds, *run.changes, f"seed{run.seed}")
    path = folder / (re.sub(r"[^\w=.-]", "_", "-".join(parts)) + ".json")
    if path.exists():
        raise RequestError(
            f"Expected a run that is not in the ledger. Received: {options.add!r}, of the flags "
            f"and the seed of {str(path)!r}. Remove that first to replace it"
        )
    asked = ledger.portable(result["config"])
    result |= {"config": asked, "command": as_command(asked), "commit": _commit(options, result)}
    files.write_json(path, result)
    return path


def _commit(options, result):
    """The commit that ran: what a person says, if git knows it, or what the result says."""
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
            "A result counts when the commit that ran is known. Expected one in it. Received: "
            f"{commit or 'none'}. If you know it, say so by --commit"
        )
    return commit


def main():
    """The console script."""
    app.main(USAGE, {"options": LedgerConfig}, work)


if __name__ == "__main__":
    main()
