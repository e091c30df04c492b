"""`bin/synthesize`: what it says, and wrong requests."""

import pytest

from mosaickd_tf.cli import synthesize
from tests.cli import call
from tests.synthesis import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder)
    return folder


def test_it_says_where_they_are_how_they_were_made_and_what_they_can_show(capsys, run, tmp_path):
    assert (
        call(synthesize, f"--workdir={run}", "--count=3", f"--output_dir={tmp_path / 'out'}") == 0
    )
    out, err = capsys.readouterr()
    assert f"3 images in {tmp_path / 'out'}" in out
    assert "inference mode" in out and "can resemble what the teacher was trained on" in out
    assert err == ""
    assert len(list((tmp_path / "out").rglob("*.png"))) == 3


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], "--workdir is needed"),
        (["--workdir={}/no run"], "result.json"),
        (["--workdir={}", "--count=0"], "Expected at least 1. Received: count=0"),
        (
            ["--workdir={}", "--format=jpeg"],
            "one of: png, tfrecord. Received: format=jpeg",
        ),
        (["--workdir={}", "--seed=-1"], "Expected at least 0. Received: seed=-1"),
        (["--workdir={}", "--output_dir={}"], "is not empty"),
    ],
    ids=str,
)
def test_a_wrong_request_is_one_line_and_writes_nothing(capsys, run, words, expected):
    before = sorted(run.rglob("*"))
    assert call(synthesize, *(word.replace("{}", str(run)) for word in words)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bin/synthesize: ")
    assert expected in line
    assert sorted(run.rglob("*")) == before
