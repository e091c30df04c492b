"""Options of compression, and the values that are refused."""

import pytest

from mosaickd_tf.config import COMPRESSED, EXPORTS, CompressionConfig
from mosaickd_tf.errors import RequestError


def test_the_formats_can_be_exported():
    assert set(COMPRESSED) <= set(EXPORTS)


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"compression_rounds": 0}, "compression_rounds"),
        ({"compression_learning_rate": 0.0}, "compression_learning_rate"),
        ({"pruning_learning_rate": 0.0}, "pruning_learning_rate"),
        ({"sparsity": (0.5, 1.0)}, "sparsity"),
        ({"sparsity": (0.0,)}, "sparsity"),
        ({"sparsity_pattern": "4_of_8"}, "sparsity_pattern"),
        ({"pruning_schedule": "linear"}, "pruning_schedule"),
        ({"clusters": (1,)}, "clusters"),
        ({"combine": ("everything",)}, "combine"),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_refused(options, flag):
    with pytest.raises(RequestError, match=f"`{flag}`"):
        CompressionConfig(**options)
