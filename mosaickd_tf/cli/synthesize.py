"""`bin/synthesize`: synthetic images of a run, with the teacher's logits, for other tools."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import SynthesisConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Writes synthetic images of a finished run and what the teacher says of them, so that any other
tool can be calibrated or trained without the data that is gone.

  bin/synthesize --workdir=runs/quickstart --count=2000
  bin/synthesize --workdir=runs/quickstart --count=50000 --format=tfrecord --output_dir=out

They can resemble what the teacher was trained on: see docs/privacy.md.
"""


def work(synthesis):
    """Writes the images that the flags ask for."""
    from mosaickd_tf.synthesis import synthesize

    if not synthesis.workdir:
        raise RequestError("`workdir` is needed. Expected a folder of a run. Received: nothing")
    folder, about = synthesize(synthesis)
    seen = sum(count > 0 for count in about["classes"])
    print(
        f"{about['count']:,} images in {folder}, in {seen:,} of {len(about['classes']):,} classes "
        f"by the teacher\nmade by: {about['made_by']}\n{about['warning']}"
    )


def main():
    """The console script."""
    app.main(USAGE, {"synthesis": SynthesisConfig}, work)


if __name__ == "__main__":
    main()
