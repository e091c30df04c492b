"""One folder, one run: the same flags from first to last."""

import dataclasses
import errno
import json
import os
import shlex

import pytest

from mosaickd_tf.cli import distill, flags
from mosaickd_tf.config import (
    DataConfig,
    DistillConfig,
    ExportConfig,
    MethodConfig,
    OptimizationConfig,
    RunConfig,
    TeacherConfig,
    options,
)
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.run_folder import RunFolder, as_command, as_flagfile

CONFIG = DistillConfig(optimization=OptimizationConfig(rounds=5))
OTHER = DistillConfig(optimization=OptimizationConfig(rounds=6))


def occupy(path, config, **options):
    """A run that does nothing in its folder."""
    with RunFolder(path, config, **options):
        pass


def test_the_flags_are_written_and_the_folder_made(tmp_path):
    with RunFolder(tmp_path / "runs" / "one", CONFIG) as folder:
        pass
    text = (tmp_path / "runs" / "one" / "flags.cfg").read_text()
    assert text == as_flagfile(CONFIG)
    assert "--rounds=5\n" in text
    assert folder / "result.json" == tmp_path / "runs" / "one" / "result.json"


def test_the_flags_say_everything_but_where(tmp_path):
    text = as_flagfile(CONFIG)
    assert "--workdir" not in text and "--resume" not in text and "--dry_run" not in text
    names = [line.partition("=")[0] for line in text.splitlines()]
    assert len(names) == len(set(names))
    assert {"--seed", "--student", "--local_weight", "--exports"} <= set(names)


@pytest.mark.parametrize(
    "config",
    [
        DistillConfig(),
        DistillConfig(
            data=DataConfig(
                target_dataset="folder:/some place/täglich, neu", ood_dataset="tfds:cifar10/3.0.2"
            ),
            teacher=TeacherConfig(teacher_mean=(0.1 + 0.2, 1.0), teacher_std=(1e-7, 0.5)),
            method=MethodConfig(compare_with=("kd",), baseline_learning_rate=1e-7),
            optimization=OptimizationConfig(weight_decay=0.1 + 0.2),
            run=RunConfig(deterministic=True, seed=2**40),
            export=ExportConfig(exports=()),
        ),
    ],
    ids=["defaults", "others"],
)
def test_the_flags_read_again_are_the_same_config(tmp_path, config):
    occupy(tmp_path, config)
    sections = flags.parse(distill.topics(), [f"--flagfile={tmp_path / 'flags.cfg'}"])
    sections.pop("place")
    assert DistillConfig(**sections) == config


def test_the_command_names_what_is_not_at_its_default():
    data = DataConfig(target_dataset="embedded:digits", ood_dataset="folder:my pictures")
    config = DistillConfig(
        data=data,
        optimization=OptimizationConfig(rounds=5),
        run=RunConfig(deterministic=True),
        method=MethodConfig(compare_with=("kd",)),
    )
    command = as_command(json.loads(json.dumps(dict(options(config)))))
    assert command == (
        "bin/distill --compare_with=kd --target_dataset=embedded:digits "
        "'--ood_dataset=folder:my pictures' --rounds=5 --deterministic=true"
    )
    sections = flags.parse(distill.topics(), shlex.split(command)[1:])
    sections.pop("place")
    assert DistillConfig(**sections) == config


def test_a_run_of_the_same_flags_goes_on_in_its_folder(tmp_path):
    occupy(tmp_path, CONFIG)
    (tmp_path / "metrics.jsonl").write_text("a row\n")
    occupy(tmp_path, CONFIG)
    assert (tmp_path / "metrics.jsonl").read_text() == "a row\n"
    assert (tmp_path / "flags.cfg").read_text() == as_flagfile(CONFIG)


def refusal(*arguments, **options):
    with pytest.raises(RequestError) as caught:
        RunFolder(*arguments, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert "--workdir" in str(caught.value)
    return str(caught.value)


def test_a_run_of_other_flags_is_refused_and_the_first_stays(tmp_path):
    occupy(tmp_path, CONFIG)
    message = refusal(tmp_path, OTHER)
    assert "Expected: --rounds=5." in message
    assert "Received: --rounds=6." in message
    assert (tmp_path / "flags.cfg").read_text() == as_flagfile(CONFIG)


def test_without_resume_a_folder_with_a_run_is_refused(tmp_path):
    occupy(tmp_path, CONFIG, resume=False)
    assert "holds a run already" in refusal(tmp_path, CONFIG, resume=False)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run").write_text("a file")
    refusal(tmp_path / "run", CONFIG)
    refusal(tmp_path / "run" / "inside", CONFIG)
    assert (tmp_path / "run").read_text() == "a file"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def denied(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(files, "write_text", denied)
    assert "Permission denied" in refusal(tmp_path, CONFIG)


def test_a_full_disk_is_not_the_requests_fault(tmp_path, monkeypatch):
    """The commands tell the two apart: 3 for a run that could not go on, 2 for a wrong request."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "write_text", full)
    with pytest.raises(OSError) as caught:
        RunFolder(tmp_path, CONFIG)
    assert caught.value.errno == errno.ENOSPC


def test_a_folder_in_which_a_run_is_at_work_is_refused(tmp_path):
    with RunFolder(tmp_path, CONFIG):
        message = refusal(tmp_path, CONFIG)
        assert f"process {os.getpid()} on " in message
    occupy(tmp_path, CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["flags.cfg"]


def test_a_folder_is_free_again_after_a_refusal_and_an_error(tmp_path):
    occupy(tmp_path, CONFIG)
    refusal(tmp_path, OTHER)
    with pytest.raises(KeyError), RunFolder(tmp_path, CONFIG):
        raise KeyError
    occupy(tmp_path, CONFIG)


@pytest.mark.parametrize(
    "changed", [{"checkpoint_every": 3}, {"checkpoint_minutes": 1.5}, {"on_divergence": "rollback"}]
)
def test_how_a_run_guards_itself_may_change_on_its_way(tmp_path, changed):
    occupy(tmp_path, CONFIG)
    config = dataclasses.replace(CONFIG, run=RunConfig(**changed))
    occupy(tmp_path, config)
    assert (tmp_path / "flags.cfg").read_text() == as_flagfile(config)


def test_flags_that_became_unreadable_are_other_flags(tmp_path):
    (tmp_path / "flags.cfg").write_bytes(b"--seed=\xff\xfe\n")
    assert "of other flags" in refusal(tmp_path, CONFIG)
    assert (tmp_path / "flags.cfg").read_bytes() == b"--seed=\xff\xfe\n"
