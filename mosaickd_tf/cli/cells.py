"""Cells of the tables of results, read from flagfiles."""

from mosaickd_tf.cli import distill, flags
from mosaickd_tf.config import DistillConfig, from_sections, options
from mosaickd_tf.report.ledger import Cells


def read_cells():
    """Returns every data set with every method, and the pairs, as `Cells`."""
    data, methods, pairs = (_names(room) for room in ("data", "methods", "pairs"))
    found = {(d, m): _options(d, m) for d in data for m in methods}
    return Cells(options=found, pairs=tuple(pairs))


def _names(room):
    return sorted(path.stem for path in (flags.configs() / room).glob("*.cfg"))


def _options(data, method):
    words = [
        f"--flagfile={flags.configs()}/{path}.cfg" for path in (f"data/{data}", f"methods/{method}")
    ]
    sections = flags.parse(distill.sections(), words)
    sections.pop("output")
    return dict(options(from_sections(DistillConfig, sections)))
