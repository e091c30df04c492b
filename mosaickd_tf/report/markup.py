"""HTML in pieces that escape all text that comes into them."""

import base64
import html

from mosaickd_tf.data.images import as_png

# Nothing is fetched and nothing is run: styles and pictures lie in the page itself.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

# No page may hold these; they show as the sign of a character that is not known.
_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)], "\ufffd")


class Html(str):
    """Text that is HTML already; any other string is escaped on its way into an element."""


def element(tag, *children, **attributes):
    """An element of HTML or SVG.

    Args:
        tag: its name.
        *children: elements, and strings, which are text whatever they hold.
        **attributes: `class_` is `class`, `aria_label` is `aria-label`; None leaves one out.

    Returns:
        `Html`.
    """
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in ("img", "meta"):
        return Html(f"<{tag}{named}>")
    content = "".join(c if isinstance(c, Html) else html.escape(c) for c in children)
    return Html(f"<{tag}{named}>{content}</{tag}>")


def document(title, style, *sections):
    """A whole page as text, in ASCII.

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
    # What ASCII lacks becomes a reference, also a letter that UTF-8 cannot hold.
    text = page.translate(_CONTROLS).encode("ascii", "xmlcharrefreplace").decode("ascii")
    return f"<!DOCTYPE html>\n{text}\n"


def table(rows, caption, *, words=1, marked=None):
    """A table under its caption, in a box that scrolls when it is too wide.

    Args:
        rows: tuples of strings or elements, the first of them the head.
        caption: what it shows.
        words: how many of the first columns hold words; the others hold numbers.
        marked: number of the row that matters most, counted from 1.
    """
    head, *body = rows
    kinds = [None if place < words else "number" for place in range(len(head))]

    def cells(row):
        named = element("th", row[0], scope="row", title=row[0])
        rest = zip(row[1:], kinds[1:], strict=True)
        return [named, *(element("td", cell, class_=kind) for cell, kind in rest)]

    heads = [
        element("th", cell, scope="col", class_=k) for cell, k in zip(head, kinds, strict=True)
    ]
    lines = [
        element("tr", *cells(row), class_="marked" if number == marked else None)
        for number, row in enumerate(body, start=1)
    ]
    return figure_of_table(caption, element("tr", *heads), lines)


def figure_of_table(caption, head, lines, kind=None):
    """A table of `tr` elements under its caption, scrolled by keyboard too when it is wide."""
    whole = element("table", element("thead", head), element("tbody", *lines), class_=kind)
    box = {"class_": "scroll", "role": "region", "tabindex": "0", "aria_label": caption}
    return element("figure", element("figcaption", caption), element("div", whole, **box))


def picture(image):
    """A uint8 image `(height, width, 1 or 3)` as an element that holds it."""
    data = base64.b64encode(as_png(image)).decode("ascii")
    height, width = image.shape[:2]
    return element("img", src=f"data:image/png;base64,{data}", alt="", width=width, height=height)


def bar(share):
    """A bar of a share in [0, 1] of the width there is."""
    filled = element("span", style=f"width:{100 * share:.2f}%")
    return element("span", filled, class_="bar", aria_hidden="true")
