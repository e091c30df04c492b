"""What the terms of later work give MosaicKD on the digits, at equal cost.

    bin/python -m benchmarks.later_terms --workdir=runs/later --jobs=2

Each plays `ROUNDS` rounds, those whose rounds cost more fewer of them, with each of nine seeds and
the teacher of that seed. What is finished is not run again. At the end
results/tuning/later_terms.json and docs/later_terms.md are written.
"""

import argparse
import pathlib
import statistics

from benchmarks.short_runs import ROOT, ShortRuns, validation_accuracy
from mosaickd_tf.utils import files

FACTS, PAGE = ROOT / "results" / "tuning" / "later_terms.json", ROOT / "docs" / "later_terms.md"
SEEDS, ROUNDS, PRECISION = range(9), 100, "mixed_bfloat16"
PAPER = "mosaic"
# Name of a flagfile in configs/methods: its rounds, and what short runs need instead of its values.
TERMS = {
    PAPER: (ROUNDS, ""),
    "mosaic_statistics": (ROUNDS, ""),
    "mosaic_memory": (ROUNDS, "--memory_size=2048"),
    "mosaic_restart": (ROUNDS, "--generator_restart_every=50"),
    "mosaic_generator_steps": (70, "--generator_steps_per_round=3"),
    "mosaic_conditional": (ROUNDS, ""),
    "mosaic_warmup": (ROUNDS, "--adversarial_warmup=30"),
}
_HEAD = f"""# Which of the later terms help

`bin/python -m benchmarks.later_terms` writes this page from
[`later_terms.json`](../results/tuning/later_terms.json).

MosaicKD as published, and with one term of later work each (`bin/distill --help` and the
flagfiles say which work), at about equal cost, as the seconds say: {ROUNDS} rounds of the
[digits](quickstart.md) with the [recipe](../configs/recipes/digits.cfg), fewer where a round costs
more, {len(SEEDS)} seeds, each with a teacher of its own that all share, in {PRECISION}
(the teachers in float32). Accuracy is the best of a run on the validation part, 240 digits, in
percent; the last column is the mean difference from the first row, seed by seed, with its standard
error. Seconds are the mean of runs beside others on the same processor, as the file says. No term
was tuned.
"""


def play(runs):
    """Plays all; returns seed, accuracy, seconds and processor of each run by its flagfile."""
    runs.teachers(SEEDS)
    asked = [
        (f"{term}-seed{seed}", term, seed, [f"--rounds={rounds}", *flags.split()])
        for term, (rounds, flags) in TERMS.items()
        for seed in SEEDS
    ]
    found = {term: [] for term in TERMS}
    for (_, term, seed, _), folder in zip(asked, runs.taught(asked), strict=True):
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


def page(found):
    """docs/later_terms.md, from what `play` gives."""
    lines = [
        "| flagfile | flags | seconds | mean | each seed | against the paper |",
        "|---" * 6 + "|",
    ]
    papers = [run["accuracy"] for run in found[PAPER]]
    for term, runs in found.items():
        rounds, flags = TERMS[term]
        accuracies = [run["accuracy"] for run in runs]
        ahead = [100 * (a - b) for a, b in zip(accuracies, papers, strict=True)]
        error = statistics.stdev(ahead) / len(ahead) ** 0.5
        words = (
            f"`{term}`",
            f"`--rounds={rounds}{' ' if flags else ''}{flags}`",
            f"{statistics.mean(run['seconds'] for run in runs):.0f}",
            f"{100 * statistics.mean(accuracies):.1f}",
            ", ".join(f"{100 * accuracy:.1f}" for accuracy in accuracies),
            "" if term == PAPER else f"{statistics.mean(ahead):+.1f} ± {error:.1f}",
        )
        lines.append(f"| {' | '.join(words)} |")
    return "\n".join([_HEAD, *lines]) + "\n"


def main():
    """Plays what is not there yet and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    asked = parser.parse_args()
    found = play(ShortRuns(pathlib.Path(asked.workdir).resolve(), asked.jobs, PRECISION))
    files.write_json(FACTS, found)
    files.write_text(PAGE, page(found))


if __name__ == "__main__":
    main()
