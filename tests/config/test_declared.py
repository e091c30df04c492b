"""Declarations of methods, as they are read from their files."""

import dataclasses
import importlib
import pathlib
import subprocess
import sys
import textwrap

import pytest

from mosaickd_tf import config, methods
from mosaickd_tf.config import DistillConfig, declared, flag_name
from mosaickd_tf.config.method import (
    FEATURES,
    OOD_IMAGES,
    STATISTICS,
    TEACHER_FEATURES,
    TEACHER_GRADIENTS,
)
from mosaickd_tf.methods import METHODS, Distiller

FOLDER = pathlib.Path(methods.__file__).parent
NEEDS = {OOD_IMAGES, FEATURES, TEACHER_FEATURES, TEACHER_GRADIENTS, STATISTICS}
FLAGS = dict(config.options(DistillConfig()))
each_method = pytest.mark.parametrize("method", declared.methods().values(), ids=lambda x: x.name)


def test_every_file_with_a_method_is_found():
    files = [x.stem for x in FOLDER.glob("*.py") if "\nMETHOD = " in x.read_text(encoding="utf-8")]
    assert sorted(files) == list(declared.methods()) == list(METHODS)
    assert len(files) >= 12


def test_every_class_of_options_is_found():
    files = [x.stem for x in FOLDER.glob("*.py") if "\n@method_config" in x.read_text("utf-8")]
    assert sorted(files) == list(declared.method_sections())
    assert {"mosaic", "statistics"} <= set(files) and "kd" not in files


def test_declarations_are_read_without_tensorflow():
    code = """
        import sys
        from mosaickd_tf import config
        config.options(config.DistillConfig())
        assert config.declared.methods() and config.declared.terms()
        loaded = {"tensorflow", "keras", "mosaickd_tf.methods"} & set(sys.modules)
        print(sorted(loaded))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@each_method
def test_the_module_has_the_declared_objects_themselves(method):
    module = importlib.import_module(f"mosaickd_tf.methods.{method.name}")
    assert module.METHOD == method
    if method.config:
        assert getattr(module, method.config.__name__) is method.config
        assert module.METHOD.config is method.config
        assert declared.method_sections()[method.name] is method.config


def test_methods_that_need_outputs_alone():
    names = {name for name, method in declared.methods().items() if method.needs_outputs_alone}
    assert names == {"kd", "balanced", "dro_ood"}


def test_a_section_that_several_methods_share_is_the_module_s_class():
    from mosaickd_tf.methods.statistics import StatisticsConfig

    assert declared.method_sections()["statistics"] is StatisticsConfig
    sharing = [name for name, method in declared.methods().items() if "statistics" in method.shared]
    assert sharing == ["dafl", "mosaic", "zskt"]


@each_method
def test_a_method_names_its_distiller_its_needs_and_its_source(method):
    kind = METHODS[method.name]
    assert issubclass(kind, Distiller) and kind.__name__ == method.distiller
    assert kind.method == method
    assert set(method.needs) <= NEEDS
    assert method.source[-4:].isdigit()  # the year
    assert method.networks[0] == "student"
    assert set(kind.trained_with_student) <= set(method.networks)
    assert method.synthetic_images in (None, "generator", "image bank")
    assert (method.synthetic_images == "generator") == ("generator" in method.networks)
    assert set(method.shared) <= set(declared.method_sections())


@each_method
def test_terms_have_names_titles_and_flags_that_exist(method):
    names = [term.name for term in method.terms]
    assert "distillation_loss" in names and len(set(names)) == len(names)
    assert len({term.short for term in method.terms}) == len(names)
    for term in method.terms:
        assert method.term(term.name) is term
        assert term.title and term.short
        assert term.direction in ("lower", "higher", "")
        assert not term.flag or (term.flag in FLAGS and term.flag.endswith("weight"))
    assert method.term("no_loss") is None


def test_a_term_that_several_methods_report_is_the_same_but_for_its_flag():
    for method in declared.methods().values():
        for term in method.terms:
            assert declared.terms()[term.name].weighted_by("") == term.weighted_by("")


def test_every_weight_of_a_method_is_the_flag_of_one_of_its_terms():
    for method in declared.methods().values():
        fields = dataclasses.fields(method.config) if method.config else ()
        weights = {flag_name(field) for field in fields if field.name.endswith("weight")}
        assert weights == {term.flag for term in method.terms} - {""}


def test_flags_of_a_method_begin_with_its_name_but_for_those_of_mosaic():
    for name, section in declared.method_sections().items():
        flags = [flag_name(field) for field in dataclasses.fields(section)]
        if name not in ("mosaic", "statistics"):
            assert all(flag.startswith(f"{name}_") for flag in flags), flags
        assert set(flags) <= set(FLAGS)


def test_the_options_that_need_as_many_rounds_are_marked():
    marked = [
        flag_name(field)
        for section in config.sections(DistillConfig())
        for field in dataclasses.fields(section)
        if field.metadata["at_most_rounds"]
    ]
    assert marked == ["deep_inversion_steps"]


@pytest.fixture
def other_folder(tmp_path, monkeypatch):
    """A folder of methods in place of the package's."""
    caches = (declared.methods, declared.method_sections, declared._declarations, declared.terms)
    for cache in caches:
        cache.cache_clear()
    monkeypatch.setattr(declared, "_FOLDER", tmp_path)
    yield tmp_path
    for cache in caches:
        cache.cache_clear()


def test_a_new_method_is_one_file_of_which_only_the_declarations_are_executed(other_folder):
    code = '''
        """A method of this test."""

        import a_module_that_does_not_exist

        from mosaickd_tf.config.method import Method, method_config
        from mosaickd_tf.config.options import ConfigSection, option
        from mosaickd_tf.config.terms import DISTILLATION, Term


        @method_config(flag_prefix="fresh_")
        class FreshConfig(ConfigSection):
            """Fresh (fresh)."""

            weight: float = option(2.0, "Weight of the new term.", at_least=0.0)


        METHOD = Method(
            name="fresh",
            distiller="FreshDistiller",
            source="Somebody, 2026",
            terms=(DISTILLATION, Term(name="n", short="n", title="N", flag="fresh_weight")),
            config=FreshConfig,
        )


        @a_module_that_does_not_exist.decorate
        class FreshDistiller(a_module_that_does_not_exist.Base):
            pass


        raise RuntimeError("executed")
    '''
    (other_folder / "fresh.py").write_text(textwrap.dedent(code), encoding="utf-8")
    (other_folder / "helper.py").write_text("raise RuntimeError", encoding="utf-8")
    assert list(declared.methods()) == ["fresh"]
    section = declared.method_sections()["fresh"]
    assert section().weight == 2.0
    assert [flag_name(field) for field in dataclasses.fields(section)] == ["fresh_weight"]
    assert set(declared.terms()) == {"distillation_loss", "n"}
