"""Reads the declarations of all methods from their files, without importing TensorFlow.

The options, terms and needs of a method stand in its file under `methods/`, beside the class that
trains. The command line needs them before TensorFlow is loaded. So the declarations alone are
executed here: imports from `mosaickd_tf.config`, classes decorated with `method_config`, and the
constant `METHOD`.
"""

import ast
import functools
import pathlib

_FOLDER = pathlib.Path(__file__).resolve().parents[1] / "methods"
_CONFIG = "mosaickd_tf.config"


@functools.cache
def methods():
    """Returns the `Method` of each file that declares one, by name, in alphabetical order."""
    found = (names.get("METHOD") for names in _declarations().values())
    return {method.name: method for method in found if method}


@functools.cache
def method_sections():
    """Returns the classes of the methods' options by the name of the file that declares each."""
    found = {}
    for file, names in _declarations().items():
        for value in names.values():
            if isinstance(value, type) and value.__module__.endswith(f".{file}"):
                found[file] = value
    return found


@functools.cache
def _declarations():
    """Returns the names that each file in `methods/` declares, by the file's name."""
    paths = sorted(_FOLDER.glob("*.py"))
    return {path.stem: _declared_in(path) for path in paths}


def _declared_in(path):
    source = path.read_text(encoding="utf-8")
    if _CONFIG not in source:
        return {}
    kept = [node for node in ast.parse(source).body if _is_declaration(node)]
    names = {"__name__": f"mosaickd_tf.methods.{path.stem}"}
    exec(compile(ast.Module(kept, []), str(path), "exec"), names)
    return names


def _is_declaration(node):
    if isinstance(node, ast.ImportFrom):
        return node.module.startswith(_CONFIG)
    if isinstance(node, ast.ClassDef):
        calls = [x.func for x in node.decorator_list if isinstance(x, ast.Call)]
        return any(isinstance(call, ast.Name) and call.id == "method_config" for call in calls)
    if isinstance(node, ast.Assign):
        return any(isinstance(x, ast.Name) and x.id == "METHOD" for x in node.targets)
    return False


@functools.cache
def terms():
    """Returns the `Term` of each name, as the first method that reports it declares it."""
    found = {}
    for method in methods().values():
        for term in method.terms:
            found.setdefault(term.name, term)
    return found
