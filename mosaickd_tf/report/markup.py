"""HTML as a tree, so that all text is escaped when it is written."""

import base64
import io
from xml.etree import ElementTree

from mosaickd_tf.data.images import as_picture

# Nothing is fetched and nothing is run: styles and pictures lie in the page itself.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def element(tag, *children, **attributes):
    """An element of HTML or SVG.

    Args:
        tag: its name.
        *children: elements, and strings, which are text whatever they hold.
        **attributes: `class_` is `class`, `aria_label` is `aria-label`; None leaves one out.

    Returns:
        An `ElementTree.Element`.
    """
    named = {name.rstrip("_").replace("_", "-"): v for name, v in attributes.items()}
    node = ElementTree.Element(tag, {n: str(v) for n, v in named.items() if v is not None})
    for child in children:
        if not isinstance(child, str):
            node.append(child)
        elif len(node):
            node[-1].tail = (node[-1].tail or "") + child
        else:
            node.text = (node.text or "") + child
    return node


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
    head += [element("title", title), element("style", style)]
    for section in sections:
        section.tail = "\n"
    page = element("html", element("head", *head), element("body", *sections), lang="en")
    # What ASCII lacks becomes a reference, also a name that no encoding has.
    text = ElementTree.tostring(page, encoding="us-ascii", method="html").decode("ascii")
    return f"<!DOCTYPE html>\n{text}\n"


def table(rows, caption, *, words=1, marked=None):
    """A table in a box of its own that scrolls when it is too wide.

    Args:
        rows: tuples of strings or elements, the first of them the head.
        caption: what it shows.
        words: how many of the first columns hold words; the others hold numbers.
        marked: number of the row that matters most, counted from 1.
    """
    head, *body = rows
    kinds = [None if place < words else "number" for place in range(len(head))]

    def cells(row):
        named = element("th", row[0], scope="row")
        rest = zip(row[1:], kinds[1:], strict=True)
        return [named, *(element("td", cell, class_=kind) for cell, kind in rest)]

    heads = [
        element("th", cell, scope="col", class_=k) for cell, k in zip(head, kinds, strict=True)
    ]
    lines = [
        element("tr", *cells(row), class_="marked" if number == marked else None)
        for number, row in enumerate(body, start=1)
    ]
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *lines),
    )
    return scrolled(whole, caption)


def scrolled(wide, label):
    """A box in which something wide can be scrolled, by keyboard too."""
    return element("div", wide, class_="scroll", role="region", tabindex="0", aria_label=label)


def picture(image):
    """A uint8 image `(height, width, 1 or 3)` as an element that holds it."""
    packed = io.BytesIO()
    as_picture(image).save(packed, "PNG", optimize=True)
    data = base64.b64encode(packed.getvalue()).decode("ascii")
    height, width = image.shape[:2]
    return element("img", src=f"data:image/png;base64,{data}", alt="", width=width, height=height)


def bar(share):
    """A bar of a share in [0, 1] of the width there is."""
    filled = element("span", style=f"width:{100 * share:.2f}%")
    return element("span", filled, class_="bar", aria_hidden="true")
