"""`bin/report` in this process: the page again, wrong requests."""

import pytest

from mosaickd_tf.cli import report
from tests.cli import call
from tests.report import result, write_run


def test_the_page_is_written_and_named(tmp_path, capsys):
    write_run(tmp_path, result())
    assert call(report, f"--workdir={tmp_path}") == 0
    assert capsys.readouterr() == (f"The report is {tmp_path / 'report.html'}\n", "")
    before = (tmp_path / "report.html").read_bytes()
    (tmp_path / "report.html").write_text("old")
    assert call(report, f"--workdir={tmp_path}") == 0
    assert (tmp_path / "report.html").read_bytes() == before


@pytest.mark.parametrize(
    "name, content",
    [
        ("result.json", "{"),
        ("result.json", ""),
        ("result.json", '{"baselines": 3, "method": "mosaic", "config": {}}'),
        ("metrics.jsonl", "no rows\n"),
        ("metrics.jsonl", "[1]\n"),
        ("test_predictions.json", '{"labels": "none"}'),
        ("versions.json", "[[]]"),
        ("samples/ood.png", "no picture"),
    ],
)
def test_a_folder_of_broken_files_is_one_line_and_keeps_its_page(tmp_path, capsys, name, content):
    write_run(tmp_path, result())
    (tmp_path / "report.html").write_text("old")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(content)
    assert call(report, f"--workdir={tmp_path}") == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert "Expected the" in line and "bin/distill" in line and str(tmp_path) in line
    assert out == "" and (tmp_path / "report.html").read_text() == "old"


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], "--workdir is needed"),
        (["--workdir=no/such"], "result.json"),
        (["--folder=x"], "folder"),
    ],
)
def test_a_wrong_request_is_one_line(capsys, words, expected):
    assert call(report, *words) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert line.startswith("bin/report: ")
    assert expected in line
    assert out == ""
