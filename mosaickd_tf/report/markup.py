"""HTML elements that escape all text in them."""

import base64
import html

from mosaickd_tf.data.images import as_png

# Nothing is fetched and nothing is executed: styles and images are in the page itself.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

# Not allowed in a page; they become the replacement character.
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)], "\ufffd")


class Html(str):
    """Text that is HTML already; other strings are escaped in an element."""


def element(tag, *children, **attributes):
    """Renders an element of HTML or SVG.

    Args:
        tag: its name.
        *children: elements, and strings, which are escaped.
        **attributes: `class_` is `class`, `aria_label` is `aria-label`; those with the value None
            are omitted.

    Returns:
        `Html`.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in ("img", "meta"):
        return Html(f"<{tag}{written}>")
    content = "".join(c if isinstance(c, Html) else html.escape(c) for c in children)
    return Html(f"<{tag}{written}>{content}</{tag}>")


def document(title, style, *sections):
    """Renders a page as ASCII text.

    Args:
        title: of the window.
        style: CSS.
        *sections: elements of the body.
    """
    metas = (
        {"http_equiv": "Content-Security-Policy", "content": POLICY},
        {"name": "viewport", "content": "width=device-width, initial-scale=1"},
        {"name": "color-scheme", "content": "light dark"},
    )
    head = [element("meta", charset="utf-8"), *(element("meta", **meta) for meta in metas)]
    head += [element("title", title), element("style", Html(style))]
    page = element("html", element("head", *head), element("body", *sections), lang="en")
    # Other characters than ASCII become references, also those that UTF-8 cannot encode.
    text = page.translate(_CONTROLS).encode("ascii", "xmlcharrefreplace").decode("ascii")
    return f"<!DOCTYPE html>\n{text}\n"


def table(rows, caption, *, words=1, marked=None):
    """Renders a table with a caption, in a box that scrolls if it is too wide.

    Args:
        rows: tuples of strings or elements; the first is the head.
        caption: of the table.
        words: number of leading columns with text; the others have numbers.
        marked: number of the most important row, counted from 1.
    """
    head, *body = rows
    kinds = [None if place < words else "number" for place in range(len(head))]

    def cells(row):
        first = element("th", row[0], scope="row", title=row[0])
        rest = zip(row[1:], kinds[1:], strict=True)
        return [first, *(element("td", cell, class_=kind) for cell, kind in rest)]

    heads = [
        element("th", cell, scope="col", class_=k) for cell, k in zip(head, kinds, strict=True)
    ]
    lines = [
        element("tr", *cells(row), class_="marked" if number == marked else None)
        for number, row in enumerate(body, start=1)
    ]
    return figure_of_table(caption, element("tr", *heads), lines)


def figure_of_table(caption, head, lines, kind=None):
    """Renders a table of `tr` elements with a caption; it scrolls, by keyboard too, if too wide."""
    content = element("table", element("thead", head), element("tbody", *lines), class_=kind)
    box = {"class_": "scroll", "role": "region", "tabindex": "0", "aria_label": caption}
    return element("figure", element("figcaption", caption), element("div", content, **box))


def image_element(image):
    """Renders a uint8 image `(height, width, 1 or 3)` as an element that contains it."""
    data = base64.b64encode(as_png(image)).decode("ascii")
    height, width = image.shape[:2]
    return element("img", src=f"data:image/png;base64,{data}", alt="", width=width, height=height)


def bar(share):
    """Renders a bar over a share in [0, 1] of the available width."""
    filled = element("span", style=f"width:{100 * share:.2f}%")
    return element("span", filled, class_="bar", aria_hidden="true")
