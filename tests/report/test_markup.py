"""HTML elements: text stays text, images and tables are complete."""

import base64
import html
import io
import re

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.report.markup import bar, document, element, image_element, table


def test_an_element_by_hand():
    inner = element("b", "1 < 2", class_="x")
    whole = element("p", "a & ", inner, ' "c"', aria_label='"&<', title=None)
    assert whole == (
        '<p aria-label="&quot;&amp;&lt;">a &amp; <b class="x">1 &lt; 2</b> &quot;c&quot;</p>'
    )


def test_elements_without_content_have_no_end():
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


@pytest.mark.parametrize("text", ["<script>", "</p>", "&amp;", "'\"", "猫", "\udcff", "a\nb"])
def test_text_comes_out_as_it_went_in(text):
    page = document(text, "", element("p", text, title=text))
    for place in ("<title>([^<]*)</title>", "<p [^>]*>([^<]*)</p>", 'title="([^"]*)"'):
        (found,) = re.findall(place, page)
        assert html.unescape(found) == text.replace("\udcff", "\ufffd")


def test_a_page_is_ascii_and_says_what_it_is():
    page = document("a", "p { color: red }", element("p", "é"))
    assert page.isascii()
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert "<style>p { color: red }</style>" in page
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in page


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_has_its_pixels(channels):
    image = np.random.default_rng(0).integers(0, 256, (3, 5, channels), np.uint8)
    tag = image_element(image)
    (data,) = re.findall('src="data:image/png;base64,([^"]*)"', tag)
    with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
        np.testing.assert_array_equal(np.asarray(opened).reshape(image.shape), image)
    assert 'width="5" height="3"' in tag


def test_a_table_by_hand():
    made = table([("", "n"), ("a", "1"), ("<b>", "2")], "What", marked=2)
    assert '<div class="scroll" role="region" tabindex="0" aria-label="What">' in made
    assert '<th scope="col"></th><th scope="col" class="number">n</th>' in made
    assert '<tr class="marked"><th scope="row" title="&lt;b&gt;">&lt;b&gt;</th>' in made
    assert made.count('<td class="number">') == 2


def test_a_bar_is_as_wide_as_its_share():
    assert "width:37.50%" in bar(0.375)


def test_a_name_of_others_is_text_whatever_it_holds():
    name = "<script>alert(1)</script>\x00\x1b[2J\udcff'\"&"
    page = document(
        "title", "", element("p", name, title=name), table([("", "n"), (name, "1")], name)
    )
    assert "<script" not in page
    assert all(c == "\n" or c.isprintable() for c in page)
    assert page.count("&lt;script&gt;") == 6
    assert page.isascii()
