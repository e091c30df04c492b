"""The table of formats and the values of `exports`."""

from mosaickd_tf.config import COMPRESSED, EXPORTS
from mosaickd_tf.export.formats import FORMATS


def test_every_name_that_can_be_asked_for_has_a_row():
    assert (*FORMATS, *COMPRESSED) == EXPORTS


def test_no_two_formats_share_a_file():
    assert len({row.file for row in FORMATS.values()}) == len(FORMATS)
