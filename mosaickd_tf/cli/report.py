"""`bin/report`: the report of a finished run, written again."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import ReportConfig
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import first_line

USAGE = """
Writes report.html of a finished run again, from the files in its folder.

  bin/report --workdir=runs/quickstart
"""


def work(report):
    """Writes the report of the run that the flags name."""
    from mosaickd_tf.report import page
    from mosaickd_tf.workdir import inputs
    from mosaickd_tf.workdir.finished import FinishedRun

    if not report.workdir:
        raise RequestError(
            "`workdir` is needed. Expected the folder of a run. Received: nothing. Name one by "
            "--workdir"
        )
    try:
        without = ["labels"] if report.labels else []
        inputs.check_unchanged(FinishedRun(report.workdir), without=without)
        path = page.write(report.workdir, report.labels)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, RequestError):
            raise
        raise RequestError(
            "Not a finished run. Expected the files that bin/distill writes. Received: "
            f"--workdir={report.workdir!r} with others ({type(error).__name__}: "
            f"{first_line(error)}). Name another folder"
        ) from error
    print(f"The report is {path}")


def main():
    """Runs the command."""
    app.main(USAGE, {"report": ReportConfig}, work)


if __name__ == "__main__":
    main()
