"""The end of a command: exit codes, one line on standard error, a traceback for defects only."""

import errno
import logging
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest

from mosaickd_tf.cli import app
from mosaickd_tf.config import DataConfig, OptimizationConfig, TerminalConfig
from mosaickd_tf.errors import Interrupted, RequestError, RunError

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOPICS = {"optimization": OptimizationConfig}


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    """The terminal of this process stays as it is; the command is `bin/distill`."""
    asked = []
    monkeypatch.setattr(app, "_set_up_terminal", asked.append)
    monkeypatch.setattr(sys, "argv", ["/somewhere/mosaickd_tf/cli/distill.py"])
    return asked


def run(work, *argv):
    return app._run("Usage.", {**TOPICS, "terminal": TerminalConfig}, work, argv)


@pytest.mark.parametrize("asked, got", [(None, "1"), ("0", "0")])
def test_onednn_computes_unless_the_environment_says_no(monkeypatch, asked, got):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "")  # is brought back as it was
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    if asked:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", asked)
    seen = []
    assert run(lambda optimization: seen.append(os.environ["TF_ENABLE_ONEDNN_OPTS"])) == 0
    assert seen == [got]


def failing(error):
    def work(optimization):
        raise error

    return work


def test_the_work_is_given_its_topics_and_the_terminal_its_own(terminal):
    given = []
    assert run(lambda **topics: given.append(topics), "--rounds=5", "--verbose") == 0
    assert given == [{"optimization": OptimizationConfig(rounds=5)}]
    assert terminal == [True]


@pytest.mark.parametrize(
    "error, code, words",
    [
        (RequestError("--rounds is wrong"), 2, "--rounds is wrong"),
        (RunError("It diverged"), 3, "It diverged"),
        (OSError(errno.ENOSPC, "No space left on device"), 3, "No space left on the disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 3, "No space left on the disk"),
        (OSError(errno.EFBIG, "File too large"), 3, "No space left on the disk"),
        (ValueError("Not written: No space left on device"), 3, "No space left on the disk"),
        (OSError(errno.EROFS, "Read-only file system", "runs"), 2, "writable"),
        (PermissionError(errno.EACCES, "Permission denied", "runs"), 2, "runs"),
        (MemoryError(), 3, "Out of memory (MemoryError). Lower --batch_size"),
        (Interrupted(signal.SIGINT), 130, "To resume: bin/distill --rounds=5"),
        (Interrupted(signal.SIGTERM), 143, "To resume: bin/distill --rounds=5"),
        (KeyboardInterrupt(), 130, "To resume: bin/distill --rounds=5"),
        (RequestError("two\nlines"), 2, "two lines"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_end_that_is_no_defect_is_a_code_and_one_line(capsys, error, code, words):
    assert run(failing(error), "--rounds=5") == code
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("bin/distill: ")
    assert words in line


@pytest.mark.parametrize("error", [ValueError("a defect"), OSError(errno.EIO, "broken disk")])
def test_a_defect_is_shown_whole(capsys, error):
    assert run(failing(error)) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert "in work" in err
    assert str(error) in err


def test_sigterm_between_two_loops_says_how_to_go_on(capsys):
    def work(optimization):
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("went on")

    assert run(work, "--rounds=5") == 143
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("To resume: bin/distill --rounds=5")


def test_a_wrong_flag_is_told_before_the_work_begins(capsys):
    assert run(failing(AssertionError), "--rounds=-1") == 2
    assert capsys.readouterr().err == (
        "bin/distill: --rounds has a wrong value. Expected at least 0. Received: rounds=-1. "
        "See --help\n"
    )


def test_a_message_cannot_command_the_terminal(capsys):
    assert run(failing(RequestError("folder \x1b[2J\x00 and \udcff"))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == r"bin/distill: folder \x1b[2J\x00 and \udcff"


def test_a_reader_that_went_away_is_no_defect(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    assert run(failing(BrokenPipeError())) == 128 + signal.SIGPIPE
    sys.stdout.close()
    assert capsys.readouterr().err == ""


def test_the_command_to_go_on_can_be_pasted(capsys):
    """A name with a space is quoted."""

    def work(optimization):
        raise Interrupted(signal.SIGTERM)

    argv = ["--flagfile=my flags.cfg", "--rounds=5"]
    assert app._command(argv) == "bin/distill '--flagfile=my flags.cfg' --rounds=5"
    assert run(work, *argv[1:]) == 143
    assert capsys.readouterr().err.endswith("To resume: bin/distill --rounds=5\n")


@pytest.mark.parametrize(
    "called, name",
    [
        ("/a/mosaickd_tf/cli/train_teacher.py", "bin/train_teacher"),
        ("/usr/bin/mosaickd-distill", "mosaickd-distill"),
    ],
)
def test_messages_name_the_command_as_it_was_called(capsys, monkeypatch, called, name):
    monkeypatch.setattr(sys, "argv", [called])
    run(failing(RequestError("wrong")))
    assert capsys.readouterr().err == f"{name}: wrong\n"


def test_a_table_of_values_is_printed_and_nothing_done(capsys, monkeypatch):
    monkeypatch.setitem(app.listings.LISTINGS, "datasets", lambda: "the table")
    topics = {"data": DataConfig, "terminal": TerminalConfig}
    assert app._run("Usage.", topics, failing(AssertionError), ["--ood_dataset=help"]) == 0
    assert capsys.readouterr() == ("the table\n", "")


def test_help_is_printed_and_nothing_done(capsys):
    assert run(failing(AssertionError), "--help") == 0
    out, err = capsys.readouterr()
    assert out.startswith("Usage.\n")
    assert "--rounds" in out and "--verbose" in out
    assert err == ""


def test_the_command_exits_with_the_code(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["distill.py", "--rounds=5"])
    for error, code in ((RunError("ended"), 3), (RequestError("wrong"), 2)):
        with pytest.raises(SystemExit) as caught:
            app.main("Usage.", TOPICS, failing(error))
        assert caught.value.code == code


# In a process of their own


def python(script):
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert answer.returncode == 0, answer.stderr
    return answer


@pytest.mark.parametrize("words", ["--help", "--rounds=-1 --model=", "--no_such_flag=1"])
def test_help_and_wrong_flags_do_not_wait_for_tensorflow(words):
    answer = python(f"""
        import sys
        from mosaickd_tf.cli import demo, distill, evaluate, export, results, synthesize
        from mosaickd_tf.cli import train_teacher

        commands = (demo, distill, evaluate, export, results, synthesize, train_teacher)
        for command in commands:
            sys.argv = ["command", *{words.split()}]
            try:
                command.main()
            except SystemExit:
                pass
        print(sorted({{"tensorflow", "keras", "numpy", "PIL"}} & set(sys.modules)))
    """)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_the_terminal_is_ours_alone():
    """Drops what libraries write to descriptor 2; our lines and errors come through."""
    answer = python("""
        import logging, os, sys, warnings
        from mosaickd_tf.cli import app

        app._set_up_terminal(verbose=False)
        os.write(2, b"from C++\\n")
        warnings.warn("from a library")
        logging.getLogger("tensorflow").warning("from TensorFlow")
        logging.getLogger("mosaickd_tf.training").info("round 5")
        print("our error", file=sys.stderr)
    """)
    assert answer.stdout == "round 5\n"
    assert answer.stderr == "our error\n"


def test_verbose_lets_everything_through():
    answer = python("""
        import os
        from mosaickd_tf.cli import app

        app._set_up_terminal(verbose=True)
        os.write(2, b"from C++\\n")
    """)
    assert answer.stderr == "from C++\n"


def test_lines_of_the_log_go_above_a_progress_bar(capsys):
    record = logging.LogRecord("mosaickd_tf", logging.INFO, "", 0, "round %d", (5,), None)
    app._BarHandler().emit(record)
    assert capsys.readouterr().out == "round 5\n"
