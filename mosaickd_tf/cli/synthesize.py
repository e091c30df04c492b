"""`bin/synthesize`: synthetic images of a run with the teacher's logits, for other tools."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import SynthesisConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Writes synthetic images of a finished run with the logits of the teacher, to calibrate or train
other tools without the teacher's training data.

  bin/synthesize --workdir=runs/quickstart --count=2000
  bin/synthesize --workdir=runs/quickstart --count=50000 --format=tfrecord --output_dir=out

They can resemble what the teacher was trained on: see docs/privacy.md.
"""


def work(synthesis):
    """Writes the requested images."""
    from mosaickd_tf.synthesis import synthesize

    if not synthesis.workdir:
        raise RequestError("`workdir` is needed. Expected the folder of a run. Received: nothing")
    folder, about = synthesize(synthesis)
    counts = about["classes"]
    occurring = sum(count > 0 for count in counts)
    print(
        f"{about['count']:,} images in {folder}, in {occurring:,} of {len(counts):,} classes "
        f"by the teacher\nmade by: {about['made_by']}\n{about['warning']}"
    )


def main():
    """Runs the command."""
    app.main(USAGE, {"synthesis": SynthesisConfig}, work)


if __name__ == "__main__":
    main()
