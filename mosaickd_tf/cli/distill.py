"""`bin/distill`: distills a student from a teacher and exports it."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import DistillConfig, WorkdirConfig, from_sections, section_types
from mosaickd_tf.errors import RequestError

USAGE = """
Distills a compact student from a teacher whose training data is gone, with unrelated images.

  bin/distill --flagfile=configs/quickstart.cfg --workdir=runs/quickstart
  bin/distill --teacher=teacher.keras --ood_dataset=folder:images --student=wrn16_1 \\
      --image_size=32 --workdir=runs/mine

The work folder holds the exported student (export/), report.html, result.json, checkpoints,
samples and curves. --method=help lists the methods, their needs and their sources.
"""


def sections():
    """Returns the sections of the command's options, by name."""
    return section_types(DistillConfig) | {"output": WorkdirConfig}


def work(output, **sections):
    """Runs the distillation that the flags describe."""
    from mosaickd_tf.pipeline import dry_run, run, validate
    from mosaickd_tf.report import page, table

    config = from_sections(DistillConfig, sections)
    if output.dry_run:
        prepared = validate.validate_and_load(config)
        print(dry_run.describe(prepared), flush=True)
        print(dry_run.describe_trial(prepared))
        return
    if not output.workdir:
        raise RequestError(
            "`workdir` is needed. Expected a folder for the run. Received: nothing. Name one"
        )
    result = run.run(config, output.workdir, output.resume)
    print(table.of_result(result))
    print(f"\nEverything is in {output.workdir}\nThe report is {output.workdir}/{page.NAME}")


def main():
    """Runs the command."""
    app.main(USAGE, sections(), work)


if __name__ == "__main__":
    main()
