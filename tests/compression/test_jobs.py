"""What is made of what is asked for."""

import dataclasses

import pytest

from mosaickd_tf.compression import jobs
from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.errors import RequestError

CONFIG = CompressionConfig()
ALL = ("keras", "tflite_qat_int8", "tflite_pruned", "tflite_clustered")


def names(exports, **options):
    made = jobs.stages(exports, dataclasses.replace(CONFIG, **options))
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
    made = jobs.stages(
        ALL, dataclasses.replace(CONFIG, combine=("pruned_clustered", "pruned_int8"))
    )
    assert len({stage.name for stage in made}) == len(made) == 5 + 2 * 2 + 2
    for number, stage in enumerate(made):
        assert stage.start is None or stage.start in made[:number]


def test_a_student_that_is_pruned_first_of_all_keeps_its_normalisations_and_has_a_rate_of_its_own():
    asked = dataclasses.replace(
        CONFIG,
        combine=("pruned_int8", "pruned_clustered"),
        compression_learning_rate=0.01,
        pruning_learning_rate=0.02,
    )
    rates = {stage.name: stage.learning_rate(asked) for stage in jobs.stages(ALL, asked)}
    kept = {stage.name for stage in jobs.stages(ALL, asked) if stage.keeps_normalizations}
    assert kept == {"pruned_50", "pruned_75"}
    assert {name for name, rate in rates.items() if rate == 0.02} == kept
    assert {rate for name, rate in rates.items() if name not in kept} == {0.01}


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
