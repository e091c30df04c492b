"""Style that a linter does not check: sizes, the first words of docstrings, replaced names."""

import ast
import functools
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDERS = ("mosaickd_tf", "tests", "benchmarks", "docs")
MAX_LINES, MAX_FUNCTION_LINES = 300, 60
QUESTIONS = ("What", "Whether", "How", "Which", "Where")
# Names that were replaced by those of the field; deprecated ones are known to one file.
REPLACED = (
    "Judge Seen Taps Opinions Trouble Supplies Supply Material Topic PlaceConfig PlayersConfig "
    "learners transfer_rows bring_back start_anew legacy_twin AFFINE frozen_copy fast_copy "
    "postponed entrance agreement_at_hand WORDS together told rivals variety student_variety "
    "opinions preparing players judging measuring rival arithmetic fitting everything"
).split()
ALLOWED = {"mosaickd_tf/utils/deprecation.py", "mosaickd_tf/training/metrics_log.py"}


@functools.cache
def modules():
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


@functools.cache
def nodes(name):
    return list(ast.walk(ast.parse(modules()[name])))


def functions(name):
    return [x for x in nodes(name) if isinstance(x, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("name", modules())
def test_files_and_functions_are_short(name):
    assert modules()[name].count("\n") <= MAX_LINES
    for function in functions(name):
        lines = function.end_lineno - function.lineno + 1
        assert lines <= MAX_FUNCTION_LINES, f"{function.name} has {lines} lines"


@pytest.mark.parametrize("name", modules())
def test_no_docstring_begins_with_a_question_word(name):
    for node in nodes(name):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = (ast.get_docstring(node) or "").split()
            assert not words or words[0] not in QUESTIONS, " ".join(words[:8])


@pytest.mark.parametrize("name", [n for n in modules() if n.startswith("mosaickd_tf/")])
def test_docstrings_of_functions_begin_with_a_verb(name):
    for function in functions(name):
        words = (ast.get_docstring(function) or "").split()
        is_property = any("property" in ast.unparse(x) for x in function.decorator_list)
        if words and not is_property:
            assert re.fullmatch(r"[A-Z][a-z]+s|See", words[0]), " ".join(words[:8])


@pytest.mark.parametrize("name", [n for n in modules() if n not in ALLOWED])
def test_no_replaced_name_is_defined_or_imported(name):
    if name == "tests/test_style.py":
        return
    found = set()
    for node in nodes(name):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.name.split(".")[-1] for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= set((node.module or "").split("."))
    assert not found & set(REPLACED)
