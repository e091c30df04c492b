"""Fixtures of tests of model files."""

import keras
import pytest


@pytest.fixture
def custom_objects_kept():
    """Restores Keras's custom objects after the test."""
    kept = dict(keras.saving.get_custom_objects())
    yield
    keras.saving.get_custom_objects().clear()
    keras.saving.get_custom_objects().update(kept)
