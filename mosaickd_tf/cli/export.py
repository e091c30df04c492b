"""`bin/export`: a student from a file or a finished run, in every format."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import CompressionConfig, ExportConfig, ExportSourceConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Writes a student as .keras, SavedModel and .tflite, and holds each file against it.

  bin/export --workdir=runs/quickstart --outputs=logits --export_dir=runs/logits
  bin/export --student=student.keras --export_dir=out --images=folder:pictures
"""


def work(source, export, compression):
    """Exports the student that the flags name."""
    import pathlib

    from mosaickd_tf.export import export_file
    from mosaickd_tf.report import table

    if not source.student and not source.workdir:
        raise RequestError(
            "`student` or `workdir` is needed. Expected a .keras file or the folder of a run. "
            "Received: neither. See --help"
        )
    run = pathlib.Path(source.workdir) / "export"
    student = pathlib.Path(source.student) if source.student else run / "student.keras"
    if not source.export_dir and not source.workdir:
        raise RequestError(
            "`export_dir` is needed for a --student of no run. Expected a folder. Received: "
            "nothing. Name one by --export_dir"
        )
    folder = pathlib.Path(source.export_dir) if source.export_dir else run
    compressed = _compressed(source, export, compression)
    entries = export_file(student, folder, source, export, compressed)
    print(table.of_exports(entries))
    print(f"\nEverything is in {folder}")


def _compressed(source, export, config):
    """The files of a run's student that are made while it goes on learning, if any are asked."""
    from mosaickd_tf import compression
    from mosaickd_tf.pipeline import compress

    if not compression.stages(export.exports, config):
        return ()
    if source.student or not source.workdir:
        raise RequestError(
            "A student is compressed while its teacher teaches it. Expected the --workdir of its "
            f"run for --exports={','.join(export.exports)}. Received: a --student alone"
        )
    return compress.compress(
        source.workdir, export.exports, config, export.outputs, source.data_dir
    )


def main():
    """The console script."""
    topics = {
        "source": ExportSourceConfig,
        "export": ExportConfig,
        "compression": CompressionConfig,
    }
    app.main(USAGE, topics, work)


if __name__ == "__main__":
    main()
