"""Options that name files: `~` is expanded, and a run records them as absolute paths."""

import dataclasses
import os
import pathlib

from mosaickd_tf.config.options import ConfigSection, flag_name, sections

_FOLDER = "folder:"


def path(value):
    """Returns a path with `~` expanded; for the metadata `parse` of an option."""
    return os.path.expanduser(os.fspath(value))


def network(value):
    """Returns the name of a network, or the path of a model with `~` expanded."""
    return path(value)


def data_set(value):
    """Returns the name of a data set, `folder:PATH` with `~` expanded."""
    value = os.fspath(value)
    if not value.startswith(_FOLDER):
        return value
    return _FOLDER + path(value.removeprefix(_FOLDER))


def with_absolute_paths(config):
    """Returns a config that means the same files in whatever folder it is used.

    Args:
        config: `DistillConfig` or `TeacherTrainingConfig`.
    """
    changed = {}
    for field in dataclasses.fields(config):
        section = getattr(config, field.name)
        if isinstance(section, ConfigSection):
            changed[field.name] = dataclasses.replace(section, **_absolute_values(section))
    return dataclasses.replace(config, **changed)


def absolute_options(config):
    """Returns the functions that make options absolute.

    Args:
        config: `DistillConfig` or `TeacherTrainingConfig`.

    Returns:
        A dict from flag names to functions of the option's value.
    """
    fields = [field for section in sections(config) for field in dataclasses.fields(section)]
    return {
        flag_name(field): _ABSOLUTE[field.metadata["parse"]]
        for field in fields
        if field.metadata["parse"] in _ABSOLUTE
    }


def names_file(value):
    """Returns whether the name of a network is the path of a model.

    It is with a suffix or a separator, and for the folder of a SavedModel.
    """
    return (
        os.sep in value
        or pathlib.Path(value).suffix != ""
        or os.path.isfile(os.path.join(value, "saved_model.pb"))
    )


def _absolute_values(section):
    return {
        field.name: _ABSOLUTE[field.metadata["parse"]](getattr(section, field.name))
        for field in dataclasses.fields(section)
        if field.metadata["parse"] in _ABSOLUTE
    }


def _absolute_path(value):
    if not value:
        return value
    value = path(value)
    if os.pardir in pathlib.Path(value).parts:  # behind a linked folder not the folder before it
        return os.path.join(os.path.realpath(os.path.dirname(value)), os.path.basename(value))
    return os.path.abspath(value)


def _absolute_network(value):
    return _absolute_path(value) if names_file(value) else value


def _absolute_data_set(value):
    value = data_set(value)
    if not value.startswith(_FOLDER):
        return value
    return _FOLDER + _absolute_path(value.removeprefix(_FOLDER))


_ABSOLUTE = {path: _absolute_path, network: _absolute_network, data_set: _absolute_data_set}
