"""The comparison of later terms with the paper, and the section of the page that shows it."""

import json

import pytest

from benchmarks import later_terms
from benchmarks.pages import read_section
from mosaickd_tf.cli.cells import read_cells

FOUND = {
    "mosaic": [{"accuracy": a, "seconds": 40.0} for a in (0.8, 0.9, 0.7)],
    "mosaic_memory": [
        {"accuracy": a, "seconds": s} for a, s in ((0.82, 50), (0.9, 70), (0.74, 60))
    ],
}


def test_the_table_compares_seed_by_seed():
    paper, memory = later_terms.table(FOUND).splitlines()[-2:]
    assert paper == "| `mosaic` | `--rounds=100` | 40 | 80.0 | 80.0, 90.0, 70.0 |  |"
    # The differences 2, 0, 4 have a standard deviation of 2; by the root of three it is 1.15.
    assert memory == (
        "| `mosaic_memory` | `--rounds=100 --memory_size=2048` | 60 | 82.0 | 82.0, 90.0, 74.0 "
        "| +2.0 ± 1.2 |"
    )


def test_the_section_of_the_page_is_what_its_file_gives():
    found = json.loads(later_terms.FACTS.read_text(encoding="utf-8"))
    assert list(found) == [*later_terms.TERMS, *later_terms.REMOVED]
    for runs in found.values():
        assert [run["seed"] for run in runs] == list(later_terms.SEEDS)
    section = read_section(later_terms.PAGE, later_terms.SECTION)
    assert section == later_terms.render(found)
    assert "24609e9" in section


@pytest.mark.parametrize("term", sorted(later_terms.TERMS))
def test_every_term_is_a_flagfile_and_its_flags_are_known(term):
    options = read_cells().options["digits_from_photos", term]
    for flag in later_terms.TERMS[term].split():
        assert flag.partition("=")[0].removeprefix("--") in options


def test_removed_terms_have_no_flagfile():
    methods = {method for _, method in read_cells().options}
    assert not methods & set(later_terms.REMOVED)


def test_every_term_is_trained_with_every_seed(tmp_path):
    requested = []

    class Runs:
        def train_teachers(self, seeds):
            assert list(seeds) == list(later_terms.SEEDS)

        def train_students(self, runs):
            for name, _, seed, _ in runs:
                folder = tmp_path / name
                folder.mkdir()
                row = json.dumps({"round": 1, "validation_accuracy": seed / 10})
                (folder / "metrics.jsonl").write_text(row)
                result = {"seconds": 12.34, "machine": {"processor": "A Processor"}}
                (folder / "result.json").write_text(json.dumps(result))
                yield folder
            requested.extend(runs)

    found = later_terms.train_all(Runs())
    assert len(requested) == len(later_terms.TERMS) * len(later_terms.SEEDS)
    expected = {"seed": 4, "accuracy": 0.4, "seconds": 12.3, "processor": "A Processor"}
    assert found["mosaic_statistics"][4] == expected
    flags = {name: flags for name, _, _, flags in requested}
    assert flags["mosaic_statistics-seed2"] == ["--rounds=100"]
