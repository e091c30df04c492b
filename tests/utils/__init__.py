"""Helpers for tests of files."""


def names(folder):
    """Returns the names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())
