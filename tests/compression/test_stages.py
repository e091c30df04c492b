"""What is made of what is asked for."""

import dataclasses

import pytest

from mosaickd_tf.compression import stages
from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.errors import RequestError

CONFIG = CompressionConfig()
ALL = ("keras", "tflite_qat_int8", "tflite_pruned", "tflite_clustered")


def names(exports, **options):
    made = stages(exports, dataclasses.replace(CONFIG, **options))
    return [stage.name for stage in made]


def test_nothing_is_made_unless_it_is_asked_for():
    assert names(("keras", "tflite_float32", "tflite_int8")) == []


def test_a_file_for_each_sparsity_and_each_number_of_clusters():
    assert sorted(names(ALL)) == [
        "clustered_16",
        "clustered_32",
        "pruned_50",
        "pruned_75",
        "qat_int8",
    ]
    assert names(("tflite_pruned",), sparsity=(0.625,)) == ["pruned_62.5"]


def test_a_combination_comes_after_the_pruned_student_that_it_starts_from():
    made = names(("keras",), sparsity=(0.5,), clusters=(8,), combine=("pruned_int8",))
    assert made == ["pruned_50", "pruned_50_qat_int8"]
    made = stages(ALL, dataclasses.replace(CONFIG, combine=("pruned_clustered", "pruned_int8")))
    assert len({stage.name for stage in made}) == len(made) == 5 + 2 * 2 + 2
    for number, stage in enumerate(made):
        assert stage.start is None or stage.start in made[:number]


def test_a_rate_that_is_asked_for_goes_before_that_of_a_stage_which_folding_lowers():
    made = {stage.name: stage for stage in stages(ALL, CONFIG)}
    rates = {name: stage.settled(CONFIG).compression_learning_rate for name, stage in made.items()}
    assert rates["pruned_50"] == 1e-3 and rates["qat_int8"] == rates["clustered_16"] == 3e-4
    asked = dataclasses.replace(CONFIG, compression_learning_rate=0.02)
    assert {stage.settled(asked) for stage in made.values()} == {asked}


@pytest.mark.parametrize("combination", ["clustered_int8", "pruned_clustered_int8"])
def test_what_does_not_keep_its_clusters_is_refused_with_words(combination):
    with pytest.raises(RequestError, match=f"{combination} is not made: a range for each channel"):
        names(ALL, combine=(combination,))


def test_two_of_four_is_a_half():
    assert names(("tflite_pruned",), sparsity=(0.5,), sparsity_pattern="2_of_4") == [
        "pruned_50_2_of_4"
    ]
    with pytest.raises(RequestError, match="sparsity=0.5"):
        names(("tflite_pruned",), sparsity_pattern="2_of_4")
