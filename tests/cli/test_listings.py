"""Tables of what a flag can be."""

import dataclasses

from mosaickd_tf.cli import distill, evaluate, export, listings, train_teacher
from mosaickd_tf.config import EvaluationConfig
from mosaickd_tf.data.datasets import DATASETS
from tests.cli import call


def test_every_table_that_an_option_names_is_there():
    topics = [*distill.sections().values(), *train_teacher.sections().values(), EvaluationConfig]
    named = {f.metadata["listing"] for topic in topics for f in dataclasses.fields(topic)}
    assert named - {None} == set(listings.LISTINGS)


def test_the_data_sets_are_listed_with_their_sizes_and_sources():
    lines = listings.text("datasets").splitlines()
    (row,) = [line.split() for line in lines if line.startswith("tfds:svhn_cropped  ")][:1]
    assert row[1:5] == ["10", "32×32×3", "73,257", "26,032"]
    for name, fact in DATASETS.items():
        assert sum(line.split()[:1] == [name] for line in lines) == 2
        assert any(line.startswith(name) and line.endswith(fact.source) for line in lines)


def test_every_command_with_data_sets_prints_the_table_and_ends_well(capsys):
    for command in (distill, train_teacher, evaluate):
        assert call(command, "--target_dataset=help") == 0
        assert "tfds:cifar100" in capsys.readouterr().out
    assert call(export, "--images=help") == 2  # no table there: `help` is a name as any other
