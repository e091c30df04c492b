"""Runs that are killed and resumed, compared bit for bit with one that was not.

    bin/python -m tests.kill --count=25 -- --flagfile=configs/quickstart.cfg --rounds=60

runs the flags after `--` once without interruption, watches when each stage begins, and then
runs them again `count` times, each killed at a moment of its own: while a stage computes, or
while it writes a checkpoint. Every third one is killed three times. With --signal=TERM the run is
terminated instead, and has to exit with 143 and print how to resume. Exits with 1 if anything
differs from the uninterrupted run in the end.
"""

import argparse
import dataclasses
import json
import logging
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

from tests.finished_runs import differences, lines

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Stage: what it writes first in the folder of a run.
STAGES = {
    "start": None,
    "teacher": "teacher/checkpoints/step_*",
    "distillation": "metrics.jsonl",
    "baseline": "baselines/*/metrics.jsonl",
    "compression": "compression/.*/metrics.jsonl",
    "export": "export",
    "report": "result.json",
}
# Stage: folder of its checkpoints; what exists while it writes one, or an export.
CHECKPOINTS = {
    "teacher": "teacher/checkpoints",
    "distillation": "checkpoints",
    "baseline": "baselines/*/checkpoints",
    "compression": "compression/.*/checkpoints",
}
WRITING = {stage: f"{place}/.step_*" for stage, place in CHECKPOINTS.items()}
WRITING["export"] = "export/.*.partial*"
_RESUMING = re.compile(r"([\w.]+): resuming from (?:round|step) (\d+) of \d+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moment:
    """Moment to kill a run: at a share of a stage, while it computes or when it writes next.

    Where a stage writes checkpoints the share is of its steps, else of the time that it takes.
    """

    stage: str
    share: float
    writing: bool

    def __str__(self):
        what = "writing in" if self.writing else "in"
        return f"{what} {self.stage} at {self.share:.2f}"


@dataclasses.dataclass(kw_only=True)
class Outcome:
    """Outcome of one run.

    Attributes:
        moments: when it was killed; those that it was too fast for are left out.
        resumed: pairs of a training's name and the step from which it was resumed, by the log.
        faults: deviations, one line each; empty if there are none.
    """

    moments: list
    resumed: list
    faults: list


class Killing:
    """A reference, and runs that are killed and compared with it.

    Args:
        words: flags of `bin/distill`.
        place: an empty folder for all runs.
        signals: those sent to a run, in turn.
    """

    def __init__(self, words, place, signals=(signal.SIGKILL,)):
        self.place = pathlib.Path(place)
        self.signals = signals
        self.words = [*words, "--deterministic", f"--cache_dir={self.place / 'cache'}"]
        self.begins = {}
        self.first = {}  # stage: step of its first checkpoint, and when that was written
        self.last = {}  # stage: step of its last checkpoint
        self.reference = self.place / "reference"

    def run_reference(self):
        """Runs the command to its end and notes when each stage begins, in seconds."""
        began = time.monotonic()
        process = self._start(self.reference)
        while process.poll() is None:
            for stage, pattern in STAGES.items():
                if stage not in self.begins and _is_there(self.reference, pattern):
                    self.begins[stage] = time.monotonic() - began
            for stage in CHECKPOINTS:
                step = _step(self.reference, stage)
                if stage not in self.first and step:
                    self.first[stage] = step, time.monotonic() - began
                self.last[stage] = max(step, self.last.get(stage, 0))
            time.sleep(0.01)
        self.begins["end"] = time.monotonic() - began
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"The reference ended with {process.returncode}: {errors}")

    def run_killed(self, name, moments):
        """Kills a run at each of the moments, then lets it end; returns an `Outcome`."""
        folder = self.place / name
        outcome = Outcome(moments=[], resumed=[], faults=[])
        for turn, moment in enumerate([*moments, None]):
            before = _newest(folder)
            process = self._start(folder)
            number = self.signals[turn % len(self.signals)] if moment else 0
            if moment and self._wait(process, folder, moment):
                process.send_signal(number)
            output, errors = process.communicate()
            if moment and process.returncode in (-number, 128 + number):
                outcome.moments.append(moment)
            elif process.returncode:
                outcome.faults.append(f"exit code {process.returncode}: {errors}")
            if process.returncode > 128 and "To resume: " not in errors:
                outcome.faults.append(f"how to resume is not printed: {errors}")
            self._check_start(output, before, outcome)
        outcome.faults += differences(self.reference, folder)
        return outcome

    def moments(self, count, kills, seed=0):
        """Returns the moments of `count` runs, spread over all stages."""
        draw = random.Random(seed)
        kinds = [(stage, False) for stage in STAGES if stage in self.begins]
        kinds += [(stage, True) for stage in WRITING if stage in self.begins]
        draw.shuffle(kinds)
        runs = []
        for run in range(count):
            times = kills if run % 3 == 2 or count == 1 else 1
            chosen = [kinds[(run + k * 4) % len(kinds)] for k in range(times)]
            chosen.sort(key=lambda kind: list(STAGES).index(kind[0]))
            runs.append([Moment(stage=s, share=draw.random(), writing=w) for s, w in chosen])
        return runs

    def _start(self, folder):
        return subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "mosaickd_tf.cli.distill"),
                *(*self.words, f"--workdir={folder}"),
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _wait(self, process, folder, moment):
        """Waits for the moment; returns False when the process ended before."""
        stages = [*(stage for stage in STAGES if stage in self.begins), "end"]
        after = stages[stages.index(moment.stage) + 1]

        def is_over():  # sooner than in the reference
            return after in STAGES and _is_there(folder, STAGES[after])

        def until(happened):
            return _until(lambda: is_over() or happened(), process)

        if not _until(lambda: _is_there(folder, STAGES[moment.stage]), process):
            return False
        rest = moment.share * max(0.0, self.begins[after] - self.begins[moment.stage])
        if moment.stage in self.first:
            first, came = self.first[moment.stage]
            total = self.last[moment.stage]
            target = moment.share * total
            if not until(lambda: _step(folder, moment.stage) > target - first):
                return False
            pace = (self.begins[after] - came) / max(1, total - first)
            rest = max(0.0, target - _step(folder, moment.stage)) * pace
        began = time.monotonic()
        if not until(lambda: time.monotonic() - began >= rest):
            return False
        return not moment.writing or until(lambda: _is_there(folder, WRITING[moment.stage]))

    def _check_start(self, output, before, outcome):
        """Checks that each training was resumed from its newest checkpoint."""
        for name, step in _RESUMING.findall(output):
            outcome.resumed.append((name, int(step)))
            if before.get(name, int(step)) != int(step):
                outcome.faults.append(f"{name} was resumed from {step}, not from {before[name]}")
        for name, repeated, most in _repeated(before):
            if repeated > most:
                outcome.faults.append(f"{name} repeats {repeated} rounds")


def _step(folder, stage):
    """Returns the latest step of which a stage has a checkpoint, 0 when there is none."""
    names = [path.name for path in folder.glob(f"{CHECKPOINTS[stage]}/step_*")]
    return max((int(name.split("_")[1]) for name in names), default=0)


def _is_there(folder, pattern):
    return pattern is None or any(folder.glob(pattern))


def _repeated(before):
    """Yields of each training the rounds recorded after its checkpoint, and their limit."""
    for name in [name for name in before if f"{name} row" in before]:
        yield name, before[f"{name} row"] - before[name], before[f"{name} every"]


def _until(happened, process):
    while process.poll() is None:
        if happened():
            return True
        time.sleep(0.001)
    return False


def _newest(folder):
    """Returns the step of the newest checkpoint of each training, by its name in the log.

    Beside it stand, as "NAME row" and "NAME every", the round recorded last and the rounds between
    checkpoints.
    """
    found = {}
    flags = dict(
        line[2:].split("=", 1) for line in lines(folder / "flags.cfg") if line.startswith("--")
    )
    places = {"teacher": folder / "teacher", flags.get("method"): folder}
    places |= {path.name: path for path in (folder / "baselines").glob("*")}
    places |= {path.name[1:]: path for path in (folder / "compression").glob(".*")}
    for name, place in places.items():
        saved = sorted((place / "checkpoints").glob("step_*"), key=lambda p: p.name[-6:])
        if saved:
            found[name] = int(saved[-1].name.split("_")[1])
        rounds = [json.loads(line)["round"] for line in lines(place / "metrics.jsonl")]
        if rounds and name in found:
            apart = rounds[-1] - rounds[-2] if len(rounds) > 1 else rounds[-1]
            is_of_run = name != "teacher" and place.parent.name != "compression"
            found[f"{name} every"] = (is_of_run and int(flags["checkpoint_every"])) or apart
            found[f"{name} row"] = rounds[-1]
    return found


def main(argv):
    """Kills runs as the command line requests; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=25, help="runs that are killed")
    parser.add_argument("--kills", type=int, default=3, help="kills of every third run")
    parser.add_argument("--signal", choices=("KILL", "TERM"), default="KILL")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--place", help="an empty folder for the runs; a temporary one if left out")
    parser.add_argument("words", nargs="+", help="flags of bin/distill, after --")
    asked = parser.parse_args(argv)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(asked.place or temporary)
        killing = Killing(asked.words, place, (signal.Signals[f"SIG{asked.signal}"],))
        killing.run_reference()
        print("stages begin at", {k: round(v, 1) for k, v in killing.begins.items()}, flush=True)
        wrong = 0
        for number, moments in enumerate(killing.moments(asked.count, asked.kills, asked.seed)):
            outcome = killing.run_killed(f"run_{number:02d}", moments)
            wrong += bool(outcome.faults)
            killed = "; ".join(map(str, outcome.moments)) or "never, it was too fast"
            resumed = ", ".join(f"{name} {step}" for name, step in outcome.resumed)
            verdict = "; ".join(outcome.faults) or "the same bits"
            print(
                f"run {number:2}: killed {killed}. Resumed from: {resumed or '-'}. {verdict}",
                flush=True,
            )
    print(f"{asked.count - wrong} of {asked.count} runs ended as the uninterrupted one")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
