"""Content of data sets, as hashes of their files."""

import os
import pathlib

from mosaickd_tf.data import image_files
from mosaickd_tf.data.label_files import NAME as LABELS_CSV
from mosaickd_tf.data.sources import tfds_folder
from mosaickd_tf.utils import files


def sha256_of_data_set(name, data_dir="", labeled=False):
    """Returns the SHA-256 of the files of a data set and of their names in it, as hex.

    Of a folder its readable images count, as `image_files.find` finds them.

    Args:
        name: as of `sources.open_source`.
        data_dir: folder of prepared TFDS data sets; TFDS's default if empty.
        labeled: whether the `labels.csv` files of a folder count too.

    Returns:
        Text of 64 digits; None for an embedded data set, and where there are no files.

    Raises:
        RequestError: for an unknown TFDS data set, or one that is not prepared.
    """
    kind, _, place = name.partition(":")
    if kind == "tfds":
        return files.sha256_of_folder(tfds_folder(name, data_dir))
    if kind != "folder":
        return None
    root = pathlib.Path(place).expanduser()
    paths = image_files.find(root).paths
    if labeled:
        paths += [path.relative_to(root) for path in root.rglob(LABELS_CSV) if path.is_file()]
    paths = [path for path in paths if os.access(root / path, os.R_OK)]
    return files.sha256_of_folder(root, paths) if paths else None
