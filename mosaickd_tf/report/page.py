"""`report.html`: the report of a run, one file that fetches nothing."""

import pathlib
import re
import shlex

from mosaickd_tf.data.label_names import read_label_names
from mosaickd_tf.errors import RequestError
from mosaickd_tf.report import classes, curves
from mosaickd_tf.report.advice import CHECKS, advice
from mosaickd_tf.report.markup import document, element, table
from mosaickd_tf.report.table import count, export_notes, export_rows, network_rows, percent
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.finished import FinishedRun

NAME = "report.html"


def write(folder, labels=""):
    """Writes the report of a finished run into its folder, from the files in it alone.

    Args:
        folder: the folder of the run.
        labels: a file of names of the classes, in place of the run's own; see `read_label_names`.

    Returns:
        The path of the page.

    Raises:
        RequestError: when the folder holds no finished run, or for labels of other classes.
    """
    path, run = pathlib.Path(folder) / NAME, FinishedRun(folder)
    if labels:
        run.label_names = _given_labels(run, labels)
    files.write_text(path, page(run))
    return path


def _given_labels(run, labels):
    """Returns the names in a file, for the classes of a run."""
    own = run.label_names
    names = read_label_names(labels, len(own) or None)
    if names != own and sorted(names) == sorted(own):
        raise RequestError(
            "`labels` are those of the run in another order, in which its images were not counted. "
            f"Expected the order {', '.join(own[:10])}. Received: labels={str(labels)!r} with "
            f"{', '.join(names[:10])}. Evaluate the student with them, or run again with them"
        )
    return names


def page(run):
    """Renders the page of a `FinishedRun`."""
    result = run.result
    title = f"{result['method']}: {result['teacher']['name']} → {result['student']['name']}"
    style = pathlib.Path(__file__).with_name("style.css").read_text(encoding="ascii")
    body = element(
        "main",
        _header(run, title),
        _advice(run),
        _results(result),
        curves.section(run),
        *classes.images_section(run),
        *classes.test_section(run),
        _repeat(run),
    )
    return document(title, style, body)


def _header(run, title):
    result, config = run.result, run.result["config"]
    about = (
        f"A student of {count(result['student']['parameters'])} parameters learned from a teacher "
        f"of {count(result['teacher']['parameters'])}, {_transfer_set(config)}."
    )
    target = config["target_dataset"]
    if target and target != config["ood_dataset"]:
        about += f" It was not trained on {target}, on which it is evaluated."
    figures = [
        element("div", element("dt", name), element("dd", value), class_=kind)
        for name, value, kind in _figures(run)
    ]
    return element(
        "header",
        element("p", "Report of a run", class_="kicker"),
        element("h1", title),
        element("p", about, class_="lead"),
        element("dl", *figures, class_="figures"),
    )


def _transfer_set(config):
    """Returns the images that the student learned from, as text."""
    ood_dataset = config["ood_dataset"]
    return f"with images of {ood_dataset}" if ood_dataset else "without any real images"


def _figures(run):
    """Yields name, value and kind of the headline numbers."""
    result = run.result
    if result["student"]["accuracy"] is not None:
        yield "student's accuracy", percent(result["student"]["accuracy"]), "main"
        yield "teacher's accuracy", percent(result["teacher"]["accuracy"]), None
        yield "agreement with the teacher", percent(result["agreement"]), None
    else:
        rows = run.rows[result["method"]]
        agreement = rows[-1].get("unlabeled_agreement") if rows else None
        kind = "OOD" if result["config"]["ood_dataset"] else "synthetic"
        yield f"agreement on {kind} images", percent(agreement), "main"
    ratio = result["teacher"]["parameters"] / result["student"]["parameters"]
    yield "parameters, teacher to student", f"{ratio:.1f} : 1", None
    smallest = min(result["exports"], key=lambda entry: entry["bytes"], default=None)
    if smallest:
        yield "bytes, smallest file", count(smallest["bytes"]), None
    yield "seconds of training", f"{result['seconds']:,.0f}", None


def _advice(run):
    sentences = advice(run.rows[run.result["method"]], run.result)
    if sentences:
        items = [element("li", *_with_flags(sentence)) for sentence in sentences]
        content = [element("h2", "What to try next"), element("ul", *items)]
    else:
        text = f"None of the {len(CHECKS)} checks found a problem."
        content = [element("h2", "Diagnostics"), element("p", text)]
    return element("section", *content, class_="advice" if sentences else None)


def _with_flags(sentence):
    """Returns the sentence in pieces, with its flags as code."""
    pieces = re.split(r"(--\w+(?:=[\w.+-]*\w)?)", sentence)
    return [element("code", p) if p.startswith("--") else p for p in pieces]


def _results(result):
    # Important columns first: on a phone those on the right need scrolling.
    networks = [(*row[:2], *row[4:], *row[2:4]) for row in network_rows(result)]
    caption = "Networks, on the test split"
    if result["student"]["accuracy"] is None:
        caption = "Networks; to evaluate them, --target_dataset must have a test split"
    parts = [
        element("h2", "Results"),
        table(networks, caption, words=2, marked=len(networks) - 1),
        element("p", f"Weights selected by {result['selection']}.", class_="note"),
    ]
    if result["exports"]:
        parts.append(table(export_rows(result["exports"]), "Exported files"))
        notes = export_notes(result["exports"])
        parts += [element("p", f"{note[0].upper()}{note[1:]}.", class_="note") for note in notes]
    return element("section", *parts)


def _repeat(run):
    folder = str(run.folder)
    arguments = ("bin/distill", f"--flagfile={folder}/flags.cfg", f"--workdir={folder}-again")
    command = " \\\n    ".join(map(shlex.quote, arguments))
    flags = element("details", element("summary", "All flags"), element("pre", run.flags))
    facts = [("name", "value"), *_facts(run)]
    return element(
        "section",
        element("h2", "Reproduction"),
        element("p", "The command that repeats the run:"),
        element("pre", command, class_="command", tabindex="0", aria_label="command"),
        table(facts, "Environment", words=2),
        flags,
    )


def _facts(run):
    """Yields seed, precision, machine and packages as pairs of text."""
    result, machine = run.result, run.versions.get("machine", {})
    yield "seed", str(result["seed"])
    yield "precision", result["precision"]
    yield "rounds", f"{result['rounds']:,}"
    yield "images per second", f"{result['images_per_second']:,.1f}"
    yield "system", str(machine.get("system") or "-")
    yield "processor", f"{machine.get('processor') or '-'}, {machine.get('cores') or '-'} cores"
    yield "GPUs", ", ".join(machine.get("gpus", [])) or "none"
    yield "Python", str(run.versions.get("python") or "-")
    for name, version in run.versions.get("packages", {}).items():
        yield name, str(version or "source tree")
    yield "commit", str(run.versions.get("git_commit") or "-")
