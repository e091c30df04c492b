"""Hook of the site: a link from a page to a file of the repository opens a copy of that file.

Pages link to sources and results by relative paths (`../results/NAME.json`), which work wherever
the repository is browsed. The site has no such files, so the linked ones are copied into it.
"""

import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(?<=\]\()\.\./([^)#\s]+)(?=\))")
_SHOWN = {".json"}  # browsers show these; a copy of any other file is named as text


def _copy(name):
    """Returns where the site keeps the copy of a repository file."""
    suffix = "" if pathlib.PurePath(name).suffix in _SHOWN else ".txt"
    return f"repository/{name}{suffix}"


def on_files(files, config):
    """Adds a copy of each repository file that a page links to."""
    linked = set()
    for page in files.documentation_pages():
        linked.update(_LINK.findall(pathlib.Path(page.abs_src_path).read_text(encoding="utf-8")))
    for name in sorted(name for name in linked if (ROOT / name).is_file()):
        files.append(File.generated(config, _copy(name), content=(ROOT / name).read_bytes()))
    return files


def on_page_markdown(markdown, **_):
    """Turns the links to repository files into links to their copies."""
    return _LINK.sub(lambda match: _copy(match[1]), markdown)
