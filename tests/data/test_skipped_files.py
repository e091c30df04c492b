"""The files of a data set that are skipped or passed over: their number and its limit."""

import pytest

from mosaickd_tf.data.image_files import LEADS_OUT, LINKED_FOLDER, BrokenFile
from mosaickd_tf.data.skipped_files import (
    SkippedFiles,
    check_most_are_read,
    passed_over_as_broken,
    passed_over_in_words,
)
from mosaickd_tf.errors import RequestError


def faults(count, reason="no image"):
    return [BrokenFile(path=f"{number}.png", reason=reason) for number in range(count)]


@pytest.mark.parametrize(
    "max_broken, num_files, allowed",
    [(0, 10, 0), (0.1, 10, 1), (0.1, 9, 0), (0.99, 10, 9), (1, 10, 1), (3, 10, 3)],
)
def test_a_number_below_one_is_a_share(max_broken, num_files, allowed):
    skipped = SkippedFiles("folder:there", max_broken, num_files)
    for number in range(allowed):
        skipped.add(f"{number}.png", "empty")
    with pytest.raises(RequestError) as caught:
        skipped.add("last\n.png", "no image")
    message = str(caught.value)
    assert (
        f"Received: at least {allowed + 1}:" in message
        and f"{num_files} of 'folder:there'" in message
    )
    assert len(message.splitlines()) == 1
    assert [fault.path for fault in skipped.broken][allowed] == "last\n.png"


@pytest.mark.parametrize(
    "num_files, allowed", [(1, 0), (2, 0), (3, 1), (5, 2), (7, 3), (50, 3), (300, 3), (500, 5)]
)
def test_the_default_share_allows_three_files_but_less_than_half(num_files, allowed):
    SkippedFiles("folder:there", 0.01, num_files, faults(allowed))
    with pytest.raises(RequestError, match=f"at most {allowed} by `max_broken`=0.01"):
        SkippedFiles("folder:there", 0.01, num_files, faults(allowed + 1))


def test_a_folder_that_is_left_out_counts_whatever_the_number_of_files():
    with pytest.raises(RequestError, match="cp -rL"):
        SkippedFiles("folder:there", 0.01, 50, faults(1, LINKED_FOLDER))
    SkippedFiles("folder:there", 1, 50, faults(1, LINKED_FOLDER))


def test_the_refusal_names_the_value_that_would_do():
    rest = [None] * 40 + faults(2)
    with pytest.raises(RequestError, match=r"Received: 6: .*or pass `max_broken`=6$"):
        SkippedFiles("folder:there", 0.01, 50, faults(4), lambda: iter(rest))
    SkippedFiles("folder:there", 6, 50, faults(6))


def test_the_refusal_of_a_large_folder_names_a_share():
    rest = (None if number % 10 else faults(1)[0] for number in range(30_000))
    with pytest.raises(RequestError, match=r"at least 2,001: .*perhaps to 0.12$"):
        SkippedFiles("folder:there", 0, 30_000, faults(1), lambda: rest)


def test_no_value_is_named_where_no_image_would_be_left():
    with pytest.raises(RequestError) as caught:
        SkippedFiles("folder:there", 0, 4, faults(4, LEADS_OUT), lambda: iter(()))
    assert str(caught.value).endswith("(cp -rL FOLDER COPY) and name the copy")


PASSED_OVER = {".heic": [990, "a.HEIC"], ".txt": [2000, "b.txt"], "": [1, "c"]}


def test_files_that_are_not_read_are_listed_by_suffix():
    words = passed_over_in_words(PASSED_OVER)
    assert words.startswith("2,000 .txt, 990 .heic (pip install mosaickd_tf[heic]), 1 without suff")
    listed = passed_over_as_broken("there", PASSED_OVER)
    assert [fault.path for fault in listed] == ["there/a.HEIC", "there/c"]
    assert "one of 990 files .heic" in listed[0].reason


def test_a_folder_of_which_most_is_not_read_is_refused():
    check_most_are_read("folder:there", 991, PASSED_OVER)
    with pytest.raises(RequestError, match="990 of them beside 990 .heic .pip install"):
        check_most_are_read("folder:there", 990, PASSED_OVER)
