"""`bin/train_teacher`: a classifier by plain supervised training."""

import dataclasses

from mosaickd_tf.cli import app
from mosaickd_tf.config import TeacherTrainingConfig, WorkdirConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Trains a classifier on labelled images, to be the teacher of a distillation.

  bin/train_teacher --teacher=wrn40_2 --target_dataset=tfds:cifar100 --workdir=runs/teacher

Leaves teacher.keras and teacher.json (label names, input statistics, accuracies).
"""


def topics():
    """The topics of the command, by name."""
    sections = {f.name: f.default_factory for f in dataclasses.fields(TeacherTrainingConfig)}
    return sections | {"place": WorkdirConfig}


def work(place, **sections):
    """Trains the teacher that the flags describe."""
    from mosaickd_tf.data import loading
    from mosaickd_tf.teachers import training
    from mosaickd_tf.utils import files
    from mosaickd_tf.workdir.run_folder import RunFolder

    config = TeacherTrainingConfig(**sections)
    for name, value, expected in (
        ("workdir", place.workdir, "a folder for the run"),
        ("teacher", config.teacher.teacher, "the name of a network"),
        ("target_dataset", config.data.target_dataset, "a data set with labels"),
    ):
        if not value and not (name == "workdir" and place.dry_run):
            raise RequestError(
                f"`{name}` is needed. Expected {expected}. Received: nothing. See --help"
            )
    target = loading.load_target(config.data)
    training.check_trainable(config, target)
    if place.dry_run:
        print(f"{config.teacher.teacher} on {len(target.train):,} images")
        return
    with RunFolder(place.workdir, config, place.resume) as folder:
        loading.write_broken(folder / loading.BROKEN_NAME, target)
        training.train_teacher(config, target, folder.path)
    facts = files.read_json(folder / "teacher.json")
    for part in ("validation", "test"):
        accuracy = facts[f"{part}_accuracy"]
        if accuracy is not None:
            print(f"{part} accuracy: {100 * accuracy:.2f} %")
    print(f"The teacher is {folder / 'teacher.keras'}")


def main():
    """The console script."""
    app.main(USAGE, topics(), work)


if __name__ == "__main__":
    main()
