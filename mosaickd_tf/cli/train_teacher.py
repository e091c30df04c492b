"""`bin/train_teacher`: trains a classifier, to be the teacher of a distillation."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import (
    TeacherTrainingConfig,
    WorkdirConfig,
    from_sections,
    section_types,
)
from mosaickd_tf.errors import RequestError

USAGE = """
Trains a classifier on labeled images, to be the teacher of a distillation.

  bin/train_teacher --teacher=wrn40_2 --target_dataset=tfds:cifar100 --workdir=runs/teacher

Leaves teacher.keras and teacher.json (label names, input statistics, accuracies).
"""


def sections():
    """Returns the sections of the command's options, by name."""
    return section_types(TeacherTrainingConfig) | {"output": WorkdirConfig}


def work(output, **sections):
    """Trains the teacher that the flags describe."""
    from mosaickd_tf import teachers
    from mosaickd_tf.config.paths import with_absolute_paths
    from mosaickd_tf.data import loading
    from mosaickd_tf.teachers import training
    from mosaickd_tf.utils import files
    from mosaickd_tf.workdir.run_folder import RunFolder

    config = from_sections(TeacherTrainingConfig, sections)
    for name, value, expected in (
        ("workdir", output.workdir, "a folder for the run"),
        ("teacher", config.teacher.teacher, "the name of a network"),
        ("target_dataset", config.data.target_dataset, "a data set with labels"),
    ):
        if not value and not (name == "workdir" and output.dry_run):
            raise RequestError(
                f"`{name}` is needed. Expected {expected}. Received: nothing. See --help"
            )
    config = teachers.with_own_format(with_absolute_paths(config))
    target = loading.load_target(config.data)
    training.check_trainable(config, target)
    if output.dry_run:
        print(f"{config.teacher.teacher} on {len(target.train):,} images")
        return
    with RunFolder(output.workdir, config, output.resume) as folder:
        loading.write_broken_files(folder / loading.BROKEN_NAME, target)
        training.train_teacher(config, target, folder.path)
    facts = files.read_json(folder / "teacher.json")
    for part in ("validation", "test"):
        accuracy = facts[f"{part}_accuracy"]
        if accuracy is not None:
            print(f"{part} accuracy: {100 * accuracy:.2f} %")
    print(f"The teacher is {folder / 'teacher.keras'}")


def main():
    """Runs the command."""
    app.main(USAGE, sections(), work)


if __name__ == "__main__":
    main()
