"""Labels of images beside their files: `labels.csv`, a line `file,label;label` an image."""

import csv

from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils.text import as_name, encoding_of

NAME = "labels.csv"
MAX_BYTES = 2**28
_HEADER = "file"


def read_labels(folders, files):
    """Reads the labels of all splits of a folder of images.

    Args:
        folders: dict from splits to their folders, each with a `labels.csv`. Its lines are
            `file,label;label`, the file relative to the folder; a line without labels is an image
            that shows none of them. A first line that starts with `file` is a header.
        files: dict from splits to the paths of their images, relative to their folders.

    Returns:
        The names of the labels, sorted, and a dict from splits to dicts from paths to tuples of
        label numbers.

    Raises:
        RequestError: for a file that is missing or broken, an image without a line, or a line
            without its image.
    """
    rows = {split: _read(folder / NAME) for split, folder in folders.items()}
    for split, of_split in rows.items():
        _check_same_files(folders[split] / NAME, set(of_split), set(files[split]))
    every = [row for of_split in rows.values() for row in of_split.values()]
    names = sorted(set().union(*every))
    if not names:
        raise RequestError(f"No labels. Expected some in {NAME}. Received: none in any line")
    numbers = {name: number for number, name in enumerate(names)}
    labels = {
        split: {path: tuple(sorted(numbers[name] for name in row)) for path, row in rows.items()}
        for split, rows in rows.items()
    }
    return tuple(names), labels


def _read(path):
    """Returns the set of label names of each file that a CSV file lists."""
    if not path.is_file():
        raise RequestError(
            f"The `task` multi_label needs labels. Expected {NAME} beside the images, a line "
            f"`file,label;label` each. Received: no {str(path)!r}. Write it"
        )
    if path.stat().st_size > MAX_BYTES:
        raise RequestError(f"Expected at most {MAX_BYTES:,} bytes. Received: {str(path)!r}")
    rows = {}
    try:
        with path.open(encoding=encoding_of(path), newline="") as file:
            for number, row in enumerate(csv.reader(file, strict=True), start=1):
                if not row or (number == 1 and row[0].strip().lower() == _HEADER):
                    continue
                name, labels = _parse(row, number, path)
                if name in rows:
                    raise _refusal(path, f"line {number} names {name!r} again")
                rows[name] = labels
    except (csv.Error, UnicodeDecodeError) as error:
        raise _refusal(path, str(error)) from error
    return rows


def _parse(row, number, path):
    if len(row) > 2:
        raise _refusal(path, f"line {number} has {len(row)} columns")
    labels = {as_name(label.strip()) for label in (row[1] if len(row) > 1 else "").split(";")}
    return row[0].strip().replace("\\", "/"), labels - {""}


def _check_same_files(path, listed, found):
    """Raises `RequestError` unless exactly the images that were found are listed."""
    for missing, what in ((found - listed, "no line for"), (listed - found, "no image for")):
        if missing:
            shown = ", ".join(map(repr, sorted(missing)[:3]))
            raise _refusal(path, f"{what} {len(missing):,} of its files, such as {shown}")


def _refusal(path, reason):
    return RequestError(
        f"Wrong labels. Expected a line `file,label;label` for each image. Received: {str(path)!r} "
        f"({reason}). Correct it"
    )
