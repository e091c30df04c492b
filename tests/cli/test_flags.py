"""Flags are the config's options: names, types, defaults, help; flagfiles; refusals."""

import dataclasses

import pytest

from mosaickd_tf.cli import distill, flags
from mosaickd_tf.config import (
    METHODS,
    DistillConfig,
    EvaluationConfig,
    ExportConfig,
    ExportSourceConfig,
    WorkdirConfig,
    flag_name,
    from_sections,
    option,
)
from mosaickd_tf.errors import RequestError

TOPICS = distill.sections()


def parse(*argv):
    return flags.parse(TOPICS, argv)


def flagfile(path, *lines):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return f"--flagfile={path}"


def test_without_flags_everything_is_the_default():
    sections = parse()
    assert sections.pop("output") == WorkdirConfig()
    assert from_sections(DistillConfig, sections) == DistillConfig()


@pytest.mark.parametrize(
    "word, topic, name, value",
    [
        ("--rounds=5", "optimization", "rounds", 5),
        ("--weight_decay=1e-4", "optimization", "weight_decay", 1e-4),
        ("--student_learning_rate=1", "optimization", "student_learning_rate", 1.0),
        ("--channels=1", "data", "channels", 1),
        ("--local_weight=0.2", "mosaic", "local_weight", 0.2),
        ("--teacher=a=b.keras", "teacher", "teacher", "a=b.keras"),
        ("--ood_dataset=folder:my pictures", "data", "ood_dataset", "folder:my pictures"),
        ("--exports=keras,tflite_float32", "export", "exports", ("keras", "tflite_float32")),
        ("--exports=keras", "export", "exports", ("keras",)),
        ("--exports=", "export", "exports", ()),
        ("--compare_with=kd", "method", "compare_with", ("kd",)),
        ("--teacher_std=", "teacher", "teacher_std", ()),
        ("--deterministic", "run", "deterministic", True),
        ("--nodeterministic", "run", "deterministic", False),
        ("--resume=false", "output", "resume", False),
        ("--noresume", "output", "resume", False),
        ("--dry_run=true", "output", "dry_run", True),
        ("-rounds=7", "optimization", "rounds", 7),
    ],
)
def test_a_flag_becomes_a_value_of_its_type(word, topic, name, value):
    received = getattr(parse(word)[topic], name)
    assert received == value
    assert type(received) is type(value)


def test_numbers_stand_with_commas_between_them():
    teacher = parse("--teacher_mean=0.5071, 0.4867,1", "--teacher_std", "0.25,0.2,1e-1")["teacher"]
    assert teacher.teacher_mean == (0.5071, 0.4867, 1.0)
    assert teacher.teacher_std == (0.25, 0.2, 0.1)
    assert {type(number) for number in teacher.teacher_mean} == {float}


def test_a_value_may_follow_its_flag_as_a_word():
    assert parse("--rounds", "5", "--student", "wrn40_1")["networks"].student == "wrn40_1"


def test_the_later_of_two_flags_wins():
    assert parse("--rounds=5", "--rounds=6")["optimization"].rounds == 6


@pytest.mark.parametrize(
    "words, parts",
    [
        (["--rounds=many"], ["rounds", "many", "an integer"]),
        (["--rounds=1.5"], ["rounds", "1.5", "an integer"]),
        (["--weight_decay=little"], ["weight_decay", "little", "a number"]),
        (["--rounds="], ["rounds", "an integer"]),
        (["--rounds"], ["rounds"]),
        (["--teacher_mean=0.5;0.4"], ["teacher_mean", "0.5;0.4", "numbers with commas"]),
        (["--teacher_mean=1.5", "--teacher_std=1"], ["teacher_mean", "at most 1.0", "1.5"]),
        (["--teacher_mean=0.5", "--teacher_std=0"], ["teacher_std", "above 0.0", "0.0"]),
        (["--rounds=-1"], ["rounds", "at least 0", "-1"]),
        (["--local_weight=-1"], ["local_weight", "at least 0", "-1"]),
        (["--balance_weight=nan"], ["balance_weight", "finite", "nan"]),
        (["--deterministic=perhaps"], ["deterministic", "perhaps"]),
        (["--channels=2"], ["channels", "1, 3", "2"]),
        (["--exports=keras,onnx"], ["exports", "onnx", "tflite_float32"]),
        (["--ruonds=5"], ["ruonds"]),
        (["rounds=5"], ["rounds=5", "start with --"]),
        (["--rounds=5", "stray"], ["stray"]),
        (["--flagfile=no/such.cfg"], ["no/such.cfg"]),
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_refused_in_one_line_that_names_it(words, parts):
    with pytest.raises(RequestError) as caught:
        parse(*words)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    for part in parts:
        assert part in message


# Flagfiles


def test_flags_come_from_a_file_with_comments(tmp_path):
    word = flagfile(tmp_path / "a.cfg", "# why", "--rounds=5", "", "--exports=keras")
    sections = parse(word)
    assert sections["optimization"].rounds == 5
    assert sections["export"].exports == ("keras",)


def test_a_flag_after_the_file_wins_over_it_and_one_before_does_not(tmp_path):
    word = flagfile(tmp_path / "a.cfg", "--rounds=5")
    assert parse(word, "--rounds=6")["optimization"].rounds == 6
    assert parse("--rounds=6", word)["optimization"].rounds == 5


def test_a_file_in_a_file_is_read_where_it_stands(tmp_path):
    base = flagfile(tmp_path / "base.cfg", "--rounds=5", "--batch_size=8", "--seed=1")
    word = flagfile(tmp_path / "a.cfg", "--seed=2", base, "--rounds=6")
    sections = parse(word)
    assert sections["optimization"].rounds == 6
    assert sections["optimization"].batch_size == 8
    assert sections["run"].seed == 1


@pytest.mark.parametrize(
    "words", [["--flagfile=configs/quickstart.cfg"], ["--flagfile", "configs/quickstart.cfg"]]
)
def test_a_flagfile_of_the_package_is_found_from_anywhere(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    assert parse(*words)["data"].target_dataset == "embedded:digits"


def test_a_flagfile_of_the_installed_package_is_found(tmp_path, monkeypatch):
    """Installed, configs/ lies inside of the package."""
    package = tmp_path / "site" / "mosaickd_tf"
    (package / "configs").mkdir(parents=True)
    (package / "configs" / "mine.cfg").write_text("--rounds=7\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flags, "PACKAGE", package)
    assert parse("--flagfile=configs/mine.cfg")["optimization"].rounds == 7


def test_a_flagfile_here_goes_before_that_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flagfile(tmp_path / "configs" / "quickstart.cfg", "--rounds=17")
    assert parse("--flagfile=configs/quickstart.cfg")["optimization"].rounds == 17


def test_a_flagfile_of_the_package_is_found_from_within_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    word = flagfile(tmp_path / "a.cfg", "--flagfile=configs/quickstart.cfg", "--rounds=6")
    sections = parse(word)
    assert sections["data"].target_dataset == "embedded:digits"
    assert sections["optimization"].rounds == 6


def test_a_missing_flagfile_within_another_is_refused_by_its_name(tmp_path):
    word = flagfile(tmp_path / "a.cfg", "--flagfile=configs/no_such.cfg")
    with pytest.raises(RequestError, match="no_such"):
        parse(word)


def test_a_flagfile_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "a.cfg").write_bytes(bytes(range(128, 256)))
    with pytest.raises(RequestError, match=r"a\.cfg"):
        parse(f"--flagfile={tmp_path / 'a.cfg'}")


def test_a_folder_is_no_flagfile(tmp_path):
    with pytest.raises(RequestError):
        parse(f"--flagfile={tmp_path}")


# Help


@pytest.mark.parametrize("words", [["--ood_dataset=help"], ["--target_dataset", "help"]])
def test_the_value_help_asks_for_the_table_of_values(words):
    with pytest.raises(flags.ListingRequested, match="^datasets$"):
        parse("--rounds=5", *words)


def test_the_table_of_a_list_of_values_is_asked_for_likewise():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class ConfigSection:
        colours: tuple[str, ...] = option(("red",), "Colours.", listing="colours")

    with pytest.raises(flags.ListingRequested, match="^colours$"):
        flags.parse({"topic": ConfigSection}, ["--colours=help"])
    assert "`help` prints a table." in flags.help_text("Usage.", {"topic": ConfigSection})


@pytest.mark.parametrize("word", ["--help", "-h", "--rounds=5 --help"])
def test_help_is_asked_for(word):
    assert parse(*word.split()) is None


def test_help_lists_every_option_under_its_topic_with_its_default():
    text = flags.help_text("Usage.", TOPICS)
    assert text.startswith("Usage.\n")
    sections = {block.split(":\n")[0]: block for block in text.split("\n\n")}
    for topic in TOPICS.values():
        lines = sections[topic.__doc__.rstrip(".")].splitlines()
        for field in dataclasses.fields(topic):
            place = lines.index(f"  --{flag_name(field)}")
            assert field.metadata["help"].split()[0] in lines[place + 1]
    assert "[0.9]" in text
    assert "[keras,saved_model,tflite_float32]" in text
    assert "[true]" in text


@pytest.mark.parametrize(
    "topics", [TOPICS, {"e": EvaluationConfig}, {"s": ExportSourceConfig, "e": ExportConfig}]
)
def test_help_fits_a_terminal(topics):
    assert max(map(len, flags.help_text("Usage.", topics).splitlines())) <= 100


def test_help_says_what_a_value_can_be():
    text = " ".join(flags.help_text("Usage.", TOPICS).split())
    assert f"One of: {', '.join(METHODS)}. `help` prints a table. [mosaic]" in text
