"""Measures terms of later work for MosaicKD on the digits, at equal cost.

    bin/python -m benchmarks.later_terms --workdir=runs/later --jobs=2

Trains each flagfile of `TERMS` for `ROUNDS` rounds with each of nine seeds and the teacher of that
seed, and prints the table. Finished runs are not repeated.

    bin/python -m benchmarks.later_terms

writes the section "Later terms" of docs/experiments.md from results/tuning/later_terms.json, which
holds the runs of version 0.1.0. That version also had the terms of `REMOVED`, and its script is the
one that ran them.
"""

import argparse
import pathlib
import statistics

from benchmarks.pages import markdown_table, write_section
from benchmarks.short_runs import ROOT, ShortRuns, validation_accuracy
from mosaickd_tf.utils import files

FACTS, PAGE = ROOT / "results" / "tuning" / "later_terms.json", ROOT / "docs" / "experiments.md"
SECTION = "later_terms"
SEEDS, ROUNDS, PRECISION = range(9), 100, "mixed_bfloat16"
PAPER = "mosaic"
# Flagfiles in configs/methods: the rounds of each, and the flags of these short runs.
TERMS = {
    PAPER: f"--rounds={ROUNDS}",
    "mosaic_statistics": f"--rounds={ROUNDS}",
}
# Flagfiles and flags of version 0.1.0.
REMOVED = {
    "mosaic_memory": f"--rounds={ROUNDS} --memory_size=2048",
    "mosaic_restart": f"--rounds={ROUNDS} --generator_restart_every=50",
    "mosaic_generator_steps": "--rounds=70 --generator_steps_per_round=3",
    "mosaic_conditional": f"--rounds={ROUNDS}",
    "mosaic_warmup": f"--rounds={ROUNDS} --adversarial_warmup=30",
}
_HEAD = f"""
`bin/python -m benchmarks.later_terms` writes this section from
[`later_terms.json`](../results/tuning/later_terms.json), the runs of version 0.1.0 (commit
24609e9), made there by `bin/python -m benchmarks.later_terms --workdir=runs/later --jobs=2`. The
same command trains the first two rows today and prints their table.

- Each row is MosaicKD as published, or with one term of later work, at about equal cost: {ROUNDS}
  rounds on the digits with the [recipe](../configs/recipes/digits.cfg), fewer where a round costs
  more.
- {len(SEEDS)} seeds, each with a teacher of its own that all rows share, in {PRECISION} (the
  teachers in float32). No term was tuned.
- Accuracy is the best of a run on the validation split (240 digits), in percent. The last column is
  the mean difference from the first row, paired by seed, with its standard error.
- Seconds are means of runs that shared a processor with others.

Version 0.1.0 (commit 24609e9) had the five rows below `mosaic_statistics`. They did not help and
were removed from the code with their flags and flagfiles.
"""


def train_all(runs):
    """Trains all runs; returns seed, accuracy, seconds and processor of each by its flagfile."""
    runs.train_teachers(SEEDS)
    requested = [
        (f"{term}-seed{seed}", term, seed, flags.split())
        for term, flags in TERMS.items()
        for seed in SEEDS
    ]
    found = {term: [] for term in TERMS}
    for (_, term, seed, _), folder in zip(requested, runs.train_students(requested), strict=True):
        result = files.read_json(folder / "result.json")
        found[term].append(
            {
                "seed": seed,
                "accuracy": validation_accuracy(folder),
                "seconds": round(result["seconds"], 1),
                "processor": result["machine"]["processor"],
            }
        )
    return found


def table(found):
    """Returns the Markdown table of what `train_all` returns."""
    rows = [("flagfile", "flags", "seconds", "mean", "each seed", "against the paper")]
    paper = [run["accuracy"] for run in found[PAPER]]
    for term, runs in found.items():
        accuracies = [run["accuracy"] for run in runs]
        ahead = [100 * (a - b) for a, b in zip(accuracies, paper, strict=True)]
        error = statistics.stdev(ahead) / len(ahead) ** 0.5
        rows.append(
            (
                f"`{term}`",
                f"`{(TERMS | REMOVED)[term]}`",
                f"{statistics.mean(run['seconds'] for run in runs):.0f}",
                f"{100 * statistics.mean(accuracies):.1f}",
                ", ".join(f"{100 * accuracy:.1f}" for accuracy in accuracies),
                "" if term == PAPER else f"{statistics.mean(ahead):+.1f} ± {error:.1f}",
            )
        )
    return markdown_table(rows)


def render(found):
    """Returns the section of the page, from the runs of version 0.1.0."""
    return f"{_HEAD}\n{table(found)}\n"


def main():
    """Trains and prints, or writes the section of the page from the kept runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", help="train here; without it the page is written")
    parser.add_argument("--jobs", type=int, default=1, help="parallel runs")
    options = parser.parse_args()
    if options.workdir:
        runs = ShortRuns(pathlib.Path(options.workdir).resolve(), options.jobs, PRECISION)
        print(table(train_all(runs)))
    else:
        write_section(PAGE, SECTION, render(files.read_json(FACTS)))


if __name__ == "__main__":
    main()
