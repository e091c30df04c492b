"""Requested exports become jobs."""

import dataclasses

import pytest

from mosaickd_tf.compression import jobs
from mosaickd_tf.config import CompressionConfig
from mosaickd_tf.errors import RequestError

CONFIG = CompressionConfig()
ALL = ("keras", "tflite_qat_int8", "tflite_pruned", "tflite_clustered")


def names(exports, **options):
    made = jobs.compression_jobs(exports, dataclasses.replace(CONFIG, **options))
    return [job.name for job in made]


def test_nothing_is_made_unless_it_is_requested():
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
    made = jobs.compression_jobs(
        ALL, dataclasses.replace(CONFIG, combine=("pruned_clustered", "pruned_int8"))
    )
    assert len({job.name for job in made}) == len(made) == 5 + 2 * 2 + 2
    for number, job in enumerate(made):
        assert job.start is None or job.start in made[:number]


def test_a_student_that_is_pruned_keeps_batch_normalization_and_has_a_learning_rate_of_its_own():
    asked = dataclasses.replace(
        CONFIG,
        combine=("pruned_int8", "pruned_clustered"),
        compression_learning_rate=0.01,
        pruning_learning_rate=0.02,
    )
    rates = {job.name: job.learning_rate(asked) for job in jobs.compression_jobs(ALL, asked)}
    kept = {job.name for job in jobs.compression_jobs(ALL, asked) if job.keeps_batch_normalization}
    assert kept == {"pruned_50", "pruned_75"}
    assert {name for name, rate in rates.items() if rate == 0.02} == kept
    assert {rate for name, rate in rates.items() if name not in kept} == {0.01}


@pytest.mark.parametrize("combination", ["clustered_int8", "pruned_clustered_int8"])
def test_combinations_that_lose_their_clusters_are_refused(combination):
    with pytest.raises(
        RequestError, match=f"{combination} is not supported: a range for each channel"
    ):
        names(ALL, combine=(combination,))


def test_two_of_four_is_a_half():
    assert names(("tflite_pruned",), sparsity=(0.5,), sparsity_pattern="2_of_4") == [
        "pruned_50_2_of_4"
    ]
    with pytest.raises(RequestError, match="sparsity=0.5"):
        names(("tflite_pruned",), sparsity_pattern="2_of_4")
