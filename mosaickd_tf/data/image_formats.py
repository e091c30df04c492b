"""Formats of image files: which are read, and what other files in a folder are.

Allow-lists: of formats, since Pillow runs a program for EPS, and of the decoders named here only.
"""

import functools
import os
import re

from PIL import Image

_NAMES = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jfif", ".jpe", ".jif", ".pjpeg", ".pjp", ".mpo"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TGA": (".tga",),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".j2c", ".jpc"),
    "HEIF": (".heic", ".heif", ".hif"),
}
# How the files of a format begin. TGA has no such mark and is read by its suffix alone.
_MARKS = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "BMP": re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\x00\x00\x00", re.DOTALL),
    "GIF": re.compile(rb"GIF8[79]a"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
    "TIFF": re.compile(rb"II\*\x00|MM\x00\*"),
    "PPM": re.compile(rb"P[1-6]\s+(#|\d)"),
    "AVIF": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
    "JPEG2000": re.compile(rb"\x00\x00\x00\x0cjP  \r\n|\xff\x4f\xff\x51"),
    "HEIF": re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL),
}
_MARK_BYTES = 32
_OWN_WORDS = {  # what to do about files that are images, but not read
    ".heic": "pip install mosaickd_tf[heic]",
    ".heif": "pip install mosaickd_tf[heic]",
    ".hif": "pip install mosaickd_tf[heic]",
    ".zip": "unpack them",
    ".tar": "unpack them",
    ".gz": "unpack them",
    ".tgz": "unpack them",
    ".7z": "unpack them",
    ".rar": "unpack them",
}
# Files that describe images or a data set; many lie beside images.
TEXT_SUFFIXES = frozenset(
    ".txt .text .md .rst .csv .tsv .json .jsonl .xml .yaml .yml .toml .ini .cfg .log .html .htm "
    ".css .js .py .ipynb .sh .bat .url .lnk .pdf .doc .docx .xls .xlsx .license .names .data "
    ".sha256 .md5".split()
)
_TEXT_NAMES = frozenset("readme license licence copying notice authors changelog makefile".split())
# What systems and programs leave in folders; ".*" too.
_CLUTTER = frozenset(
    "__macosx thumbs.db ehthumbs.db desktop.ini @eadir $recycle.bin lost+found icon\r".split()
    + ["system volume information"]
)


def is_clutter(name):
    """Returns whether a file or folder is hidden, or left by a system, and so no image."""
    return name.startswith(".") or name.lower() in _CLUTTER


def suffix(name):
    """Returns the last suffix of a file name in lower case, such as ".png"; "" without one."""
    return os.path.splitext(name)[1].lower()


def is_text(name):
    """Returns whether a file describes a data set rather than being a part of it."""
    stem = os.path.splitext(name)[0].lower()
    return suffix(name) in TEXT_SUFFIXES or (not suffix(name) and stem in _TEXT_NAMES)


def heif_is_read():
    """Returns whether HEIC files can be read: the optional pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return False
    if "HEIF" not in Image.OPEN:
        pillow_heif.register_heif_opener(thumbnails=False)
    return "HEIF" in Image.OPEN


@functools.cache
def read_formats():
    """Returns the formats that are read here, names of Pillow's; not TGA."""
    Image.init()
    known = [name for name in _NAMES if name in Image.OPEN and name not in ("TGA", "HEIF")]
    return (*known, "HEIF") if heif_is_read() else tuple(known)


def read_suffixes():
    """Returns the suffixes of the formats that are read here, a set."""
    return {suffix for name in (*read_formats(), "TGA") for suffix in _NAMES[name]}


def formats_of(path):
    """Returns the formats by which a file may be read; TGA by its suffix alone."""
    return (*read_formats(), *(("TGA",) if suffix(str(path)) == ".tga" else ()))


def format_of_content(path):
    """Returns the format that the first bytes of a regular file show; None for another file."""
    try:
        with open(path, "rb") as file:
            start = file.read(_MARK_BYTES)
    except OSError:
        return None
    return next((name for name, mark in _MARKS.items() if mark.match(start)), None)


def advice(suffix):
    """Returns what to do about files of a suffix that is not read."""
    return _OWN_WORDS.get(suffix, "convert them to PNG or JPEG if they are images")
