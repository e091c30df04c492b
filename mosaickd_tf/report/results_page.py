"""Renders docs/results.md: the published tables with our runs, from files alone."""

import itertools
import statistics

from mosaickd_tf.report.published import TABLES, Table

_HEAD = """# Published tables

`bin/results` writes this page from the runs in `results/` and from the published figures in
[`published.py`](../mosaickd_tf/report/published.py). Do not edit it: change those and run the
command.

- Figures are top-1 accuracies on the test split, in percent.
- *Ours* is the mean and the standard deviation over seeds. Each seed links to the result.json of
  its run.
- Our weights are never chosen on the test split; `selection` in result.json says how they were
  chosen. The official code keeps the epoch that is best on the test split.
- A row of ours that differs from its flagfiles names the flags.

To run a cell:

```
bin/distill --flagfile=configs/data/DATA.cfg --flagfile=configs/pairs/TEACHER_to_STUDENT.cfg \\
    --flagfile=configs/methods/METHOD.cfg --workdir=runs/NAME
bin/results --add=runs/NAME/result.json
```
"""


def render(runs, cells, students=()):
    """Renders the page.

    Args:
        runs: list of `ledger.Run`.
        cells: `ledger.Cells`, for the rounds of the full schedule.
        students: names of the students' files beside the results.

    Returns:
        The text of the page.
    """
    known = {table.data for table in TABLES}
    others = sorted({run.data for run in runs} - known)
    tables = [*TABLES, *(_unpublished(data, runs) for data in others)]
    return "\n".join([_HEAD, *(_section(table, runs, cells, students) for table in tables)])


def _unpublished(data, runs):
    pairs = sorted({run.pair for run in runs if run.data == data})
    return Table(title=data, data=data, source="nothing", rows={}, pairs=tuple(pairs))


def _section(table, runs, cells, students):
    runs = [run for run in runs if table.data and run.data == table.data]
    pairs = (*table.pairs, *sorted({run.pair for run in runs} - set(table.pairs)))
    rows = [("method", "", *(pair.replace("_to_", " → ") for pair in pairs))]
    methods = [*table.rows, *sorted({run.method for run in runs} - set(table.rows))]
    for method in methods:
        numbers = dict(zip(table.pairs, table.rows.get(method, ()), strict=False))
        if any(numbers.values()):
            rows.append((method, "published", *(_published(numbers.get(pair)) for pair in pairs)))
        if (table.data, method) in cells.options:
            full_rounds = cells.options[table.data, method]["rounds"]
            rows += _ours(method, full_rounds, [run for run in runs if run.method == method], pairs)
    parts = [f"## {table.title}", f"Published: {table.source}.", table.note, _markdown(rows)]
    if runs:
        parts.append(_markdown(_each(runs, students)))
    return "\n\n".join(filter(None, parts)) + "\n"


def _ours(method, full_rounds, runs, pairs):
    """Yields the row of the full schedule, run or not, and one for each other setting."""
    found = {f"ours, {full_rounds:,} rounds": []}
    for run in sorted(runs, key=lambda run: (-run.rounds, run.changes)):
        rounds = (
            f"{run.rounds:,}" if run.rounds == full_rounds else f"{run.rounds:,} of {full_rounds:,}"
        )
        found.setdefault(", ".join([f"ours, {rounds} rounds", *run.changes]), []).append(run)
    for label, group in found.items():
        cells = [_cell([run for run in group if run.pair == pair]) for pair in pairs]
        yield (method, label, *cells)


def _cell(runs):
    if not runs:
        return "not run"
    once = {(run.seed, run.accuracy): run for run in reversed(runs)}  # a baseline may come twice
    runs = [once[key] for key in sorted(once)]
    accuracies = [100 * run.accuracy for run in runs]
    text = f"{statistics.mean(accuracies):.2f}"
    if len(runs) > 1:
        text += f" ± {statistics.stdev(accuracies):.2f}"
    seeds = ", ".join(f"[{run.seed}]({_link(run.name)}.json)" for run in runs)
    return f"{text} (seed {seeds})"


def _each(runs, students):
    """Yields a row for each run: its cost, machine and commit."""
    yield ("run", "seed", "teacher", "student", "rounds", "hours", "machine", "commit", "model")
    order = sorted(runs, key=lambda run: (run.pair, run.method, -run.rounds, run.seed, run.name))
    for run in order:
        files = [name for name in sorted(students) if name.rpartition(".")[0] == run.name]
        yield (
            f"[{', '.join([run.method, run.pair, *run.changes])}]({_link(run.name)}.json)",
            str(run.seed),
            f"{100 * run.teacher_accuracy:.2f}",
            f"{100 * run.accuracy:.2f}",
            f"{run.rounds:,}",
            "-" if run.seconds is None else f"{run.seconds / 3600:.2f}",
            run.machine,
            run.commit[:10],
            ", ".join(f"[{name.rpartition('.')[2]}]({_link(name)})" for name in files) or "-",
        )


def _published(numbers):
    if numbers is None:
        return "-"
    numbers = numbers if isinstance(numbers, tuple) else (numbers,)
    return ", ".join(f"{number:.2f}" for number in numbers)


def _link(name):
    return f"../results/{name}"


def _markdown(rows):
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    rule = "|" + "---|" * (head.count(" | ") + 1)
    return "\n".join(itertools.chain([head, rule], body))
