"""`bin/distill`: the whole way, from data and teacher to exported student."""

import dataclasses

from mosaickd_tf.cli import app
from mosaickd_tf.config import DistillConfig, WorkdirConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Distils a compact student from a teacher whose data is gone, with unrelated pictures.

  bin/distill --flagfile=configs/quickstart.cfg --workdir=runs/quickstart
  bin/distill --teacher=teacher.keras --ood_dataset=folder:pictures --student=wrn16_1 \\
      --image_size=32 --workdir=runs/mine

The work folder holds the student (export/), report.html, result.json, checkpoints, samples and
curves. --method=help lists the methods, what each needs and where it comes from.
"""


def topics():
    """The topics of the command, by name."""
    sections = {f.name: f.default_factory for f in dataclasses.fields(DistillConfig)}
    return sections | {"place": WorkdirConfig}


def work(place, **sections):
    """Runs the distillation that the flags describe."""
    from mosaickd_tf.pipeline import run, validate
    from mosaickd_tf.report import page, table

    config = DistillConfig(**sections)
    if place.dry_run:
        print(validate.plan(config))
        return
    if not place.workdir:
        raise RequestError(
            "`workdir` is needed. Expected a folder for the run. Received: nothing. Name one by "
            "--workdir"
        )
    result = run.run(config, place.workdir, place.resume)
    print(table.of_result(result))
    print(f"\nEverything is in {place.workdir}\nThe report is {place.workdir}/{page.NAME}")


def main():
    """The console script."""
    app.main(USAGE, topics(), work)


if __name__ == "__main__":
    main()
