"""Sections of pages: found, replaced, and refused where the page lacks them."""

import pytest

from benchmarks.pages import markdown_table, read_section, write_section

PAGE = """# A

<!-- one:begin -->
old
<!-- one:end -->

<!-- two:begin -->
<!-- two:end -->
end
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "page.md").write_text(PAGE)
    return tmp_path / "page.md"


def test_a_section_is_the_text_between_its_comments(path):
    assert read_section(path, "one") == "old\n"
    assert read_section(path, "two") == ""


def test_a_section_is_replaced_and_the_rest_kept(path):
    write_section(path, "two", r"\1 new" + "\n")
    assert path.read_text() == PAGE.replace("<!-- two:begin -->\n", "<!-- two:begin -->\n\\1 new\n")
    write_section(path, "two", "")
    assert path.read_text() == PAGE


def test_a_missing_or_repeated_section_is_refused(path):
    with pytest.raises(ValueError, match="three"):
        read_section(path, "three")
    path.write_text(PAGE + PAGE)
    with pytest.raises(ValueError, match="Received: 2"):
        write_section(path, "one", "")


def test_a_table_has_a_rule_below_its_head():
    assert markdown_table([("a", "b"), ("1", "")]) == "| a | b |\n|---|---|\n| 1 |  |\n"
