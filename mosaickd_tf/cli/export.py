"""`bin/export`: exports a student from a file or a finished run, in any format."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import CompressionConfig, ExportConfig, ExportSourceConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Writes a student as .keras, SavedModel and .tflite, and compares the outputs of each file with its.

  bin/export --workdir=runs/quickstart --outputs=logits --export_dir=runs/logits
  bin/export --student=student.keras --export_dir=out --images=folder:images
"""


def work(source, export, compression):
    """Exports the requested student."""
    import pathlib

    from mosaickd_tf.export import export_file
    from mosaickd_tf.report import table
    from mosaickd_tf.workdir.finished import FinishedRun, RunPaths

    if not source.student and not source.workdir:
        raise RequestError(
            "`student` or `workdir` is needed. Expected a .keras file or the folder of a run. "
            "Received: neither. See --help"
        )
    run = RunPaths(source.workdir)
    if not source.student and not run.student_path.is_file():
        FinishedRun(source.workdir)  # says what is missing
    student = pathlib.Path(source.student) if source.student else run.student_path
    if not source.export_dir and not source.workdir:
        raise RequestError(
            "`export_dir` is needed for a `student` of no run. Expected a folder. Received: "
            "nothing. Name one"
        )
    folder = pathlib.Path(source.export_dir) if source.export_dir else run.export_path
    compressed = _compressed(source, export, compression)
    entries = export_file(student, folder, source, export, compressed)
    print(table.of_exports(entries))
    print(f"\nThe files are in {folder}")


def _compressed(source, export, config):
    """Returns the compressed students of a run, if any are requested."""
    from mosaickd_tf import compression
    from mosaickd_tf.pipeline import compress

    if not compression.compression_jobs(export.exports, config):
        return ()
    if source.student or not source.workdir:
        raise RequestError(
            "Compression continues the distillation of a student. Expected the `workdir` of its "
            f"run for `exports` {','.join(export.exports)}. Received: a `student` alone"
        )
    return compress.compress(
        source.workdir, export.exports, config, export.outputs, source.data_dir
    )


def main():
    """Runs the command."""
    sections = {
        "source": ExportSourceConfig,
        "export": ExportConfig,
        "compression": CompressionConfig,
    }
    app.main(USAGE, sections, work)


if __name__ == "__main__":
    main()
