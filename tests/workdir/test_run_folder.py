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
    from_sections,
    options,
    with_options,
)
from mosaickd_tf.config.paths import with_absolute_paths
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.workdir.run_folder import RunFolder, as_command, as_flagfile, as_started

CONFIG = DistillConfig(optimization=OptimizationConfig(rounds=5))
OTHER = DistillConfig(optimization=OptimizationConfig(rounds=6))


def occupy(path, config, **options):
    """Opens and closes the folder of a run."""
    with RunFolder(path, config, **options):
        pass


def test_the_flags_are_written_and_the_folder_made(tmp_path):
    with RunFolder(tmp_path / "runs" / "one", CONFIG) as folder:
        pass
    text = (tmp_path / "runs" / "one" / "flags.cfg").read_text()
    assert text == as_flagfile(dict(options(CONFIG)))
    assert "--rounds=5\n" in text
    assert folder / "result.json" == tmp_path / "runs" / "one" / "result.json"


def test_the_flags_say_everything_but_where(tmp_path):
    text = as_flagfile(dict(options(CONFIG)))
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
    (tmp_path / "flags.cfg").write_text(as_flagfile(dict(options(config))), encoding="utf-8")
    sections = flags.parse(distill.sections(), [f"--flagfile={tmp_path / 'flags.cfg'}"])
    sections.pop("output")
    assert from_sections(DistillConfig, sections) == config


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
    sections = flags.parse(distill.sections(), shlex.split(command)[1:])
    sections.pop("output")
    assert from_sections(DistillConfig, sections) == config


def test_a_run_of_the_same_flags_goes_on_in_its_folder(tmp_path):
    occupy(tmp_path, CONFIG)
    (tmp_path / "metrics.jsonl").write_text("a row\n")
    occupy(tmp_path, CONFIG)
    assert (tmp_path / "metrics.jsonl").read_text() == "a row\n"
    assert (tmp_path / "flags.cfg").read_text() == as_flagfile(dict(options(CONFIG)))


def refusal(*arguments, **options):
    with pytest.raises(RequestError) as caught:
        RunFolder(*arguments, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert "workdir" in str(caught.value)
    return str(caught.value)


def test_a_run_of_other_flags_is_refused_and_the_first_stays(tmp_path):
    occupy(tmp_path, CONFIG)
    message = refusal(tmp_path, OTHER)
    assert "Expected: --rounds=5." in message
    assert "Received: --rounds=6." in message
    assert (tmp_path / "flags.cfg").read_text() == as_flagfile(dict(options(CONFIG)))


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
    """Checks the cause of exit code 3 (run could not continue) instead of 2 (wrong request)."""

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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flags.cfg", "inputs.json"]


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
    assert (tmp_path / "flags.cfg").read_text() == as_flagfile(dict(options(config)))


# What that version did, for options that it lacked or whose default was another.
AS_BEFORE = with_options(
    CONFIG,
    data={"task": "single_label", "image_size": 32, "channels": 3},
    teacher={
        "teacher_input": "unit",
        "teacher_layout": "channels_last",
        "teacher_output_kind": "logits",
    },
    networks={"patch_size": 10},
)
LACKING = ("task", "labels", "custom_objects", "teacher_signature", "teacher_layout")
LACKING = (*LACKING, "teacher_output", "teacher_output_kind")


def old_flags(config, **removed):
    """Returns the flagfile of version 0.1.0, which had five options more and lacked others."""
    removed = {
        "memory_size": 0,
        "generator_restart_every": 0,
        "generator_steps_per_round": 1,
        "conditional_weight": 0.0,
        "adversarial_warmup": 0,
    } | removed
    lines = as_flagfile(dict(options(config))).splitlines()
    lines = [line for line in lines if line.removeprefix("--").split("=")[0] not in LACKING]
    return "".join(f"{line}\n" for line in [*lines, *(f"--{n}={v}" for n, v in removed.items())])


def test_a_run_of_the_version_before_is_resumed(tmp_path):
    (tmp_path / "flags.cfg").write_text(old_flags(AS_BEFORE))
    occupy(tmp_path, AS_BEFORE)
    assert (tmp_path / "flags.cfg").read_text() == as_flagfile(dict(options(AS_BEFORE)))


def test_relative_paths_of_a_run_of_the_version_before_start_at_the_current_folder(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    data = {"ood_dataset": "folder:../pictures"}
    relative = with_options(AS_BEFORE, data=data, teacher={"teacher": "teacher.keras"})
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "flags.cfg").write_text(old_flags(relative))
    occupy(tmp_path / "run", with_absolute_paths(relative))
    assert f"--teacher={tmp_path}/teacher.keras\n" in (tmp_path / "run" / "flags.cfg").read_text()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    other = with_absolute_paths(relative)
    assert "of other flags" in refusal(tmp_path / "run", other)


def test_a_run_of_the_version_before_with_other_flags_is_refused(tmp_path):
    (tmp_path / "flags.cfg").write_text(old_flags(AS_BEFORE))
    message = refusal(tmp_path, with_options(AS_BEFORE, optimization={"rounds": 6}))
    assert "Expected: --rounds=5. Received: --rounds=6." in message
    multi_label = with_options(AS_BEFORE, data={"task": "multi_label"})
    message = refusal(tmp_path, multi_label)
    assert "Expected: --task=single_label. Received: --task=multi_label." in message


def test_a_run_with_a_removed_option_in_effect_is_refused_with_its_version(tmp_path):
    (tmp_path / "flags.cfg").write_text(old_flags(CONFIG, generator_steps_per_round=3))
    with pytest.raises(RequestError, match="`generator_steps_per_round` .* version 0.1.0"):
        RunFolder(tmp_path, CONFIG)


def test_flags_that_became_unreadable_are_other_flags(tmp_path):
    (tmp_path / "flags.cfg").write_bytes(b"--seed=\xff\xfe\n")
    assert "of other flags" in refusal(tmp_path, CONFIG)
    assert (tmp_path / "flags.cfg").read_bytes() == b"--seed=\xff\xfe\n"


def test_what_the_program_chose_at_the_start_stays_when_a_run_is_resumed(tmp_path):
    left_open = DistillConfig()
    assert as_started(left_open, tmp_path) == left_open
    found = OptimizationConfig(rounds=420, batch_size=16, recipe="short")
    chosen = DistillConfig(optimization=found)
    occupy(tmp_path, chosen)
    assert as_started(left_open, tmp_path) == chosen
    named = DistillConfig(optimization=OptimizationConfig(rounds=5, recipe="paper"))
    assert as_started(named, tmp_path).optimization.rounds == 5
    assert as_started(named, tmp_path).optimization.recipe == "paper"


def test_a_run_of_an_earlier_version_goes_on_without_a_recipe(tmp_path):
    started = DistillConfig(optimization=OptimizationConfig(rounds=420, batch_size=16))
    old = as_flagfile(dict(options(started))).replace("--recipe=auto\n", "")
    (tmp_path / "flags.cfg").write_text(old)
    assert as_started(DistillConfig(), tmp_path).optimization.recipe == "paper"
