"""HDF5 files of Keras 2 and 3: valid ones to start from, and broken copies of them."""

import importlib.util
import io
import warnings

import numpy as np

from tests.fuzz.mutations import mutate, mutate_json, mutate_text

_VERSIONS = ("", "1.2.2", "2.1.6", "3.0.0", "99.1", "é\n", "3")
_ARRAYS = (np.zeros(()), np.zeros((3, 0)), np.full((4, 4), np.nan), np.array([b"text"]))


def write_valid(folder, code):
    """Writes HDF5 files of each version of Keras that is there.

    Args:
        folder: folder of the files.
        code: source of a function that they contain too.
    """
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the format is old
        _write("keras3", keras, folder, code)
        if importlib.util.find_spec("tf_keras"):
            from mosaickd_tf.compression.toolkit import tf_keras_module

            _write("keras2", tf_keras_module(), folder, code)


def _write(name, library, folder, code):
    layers = library.layers
    inner = library.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu")])
    images = layers.Input((8, 8, 3))
    hidden = inner(layers.Rescaling(1 / 127.5, offset=-1)(images))
    hidden = layers.DepthwiseConv2D(3)(layers.BatchNormalization()(hidden) + hidden)
    hidden = layers.GlobalAveragePooling2D()(hidden)
    model = library.Model(images, layers.Dense(3, activation="softmax")(hidden))
    model.save(folder / f"{name}.h5")
    images = layers.Input((8, 8, 3))
    hidden = layers.Lambda(eval(code), output_shape=(8, 8, 3))(images)
    hidden = layers.Dense(3)(layers.GlobalAveragePooling2D()(hidden))
    library.Model(images, hidden).save(folder / f"{name}_code.h5")


def broken(content, rng):
    """Returns an HDF5 file with a part that is broken or replaced, in a sound structure.

    Args:
        content: bytes of a valid one.
        rng: a `random.Random`.
    """
    import h5py

    packed = io.BytesIO(content)
    with h5py.File(packed, "r+") as file:
        rng.choice((_description, _description, _description, _version, _names, _array))(file, rng)
    return packed.getvalue()


def _description(file, rng):
    config = file.attrs["model_config"]
    config = config.decode() if isinstance(config, bytes) else config
    change = rng.choice((mutate_json, mutate_json, mutate_json, mutate_text))
    changed = change(config, rng)
    file.attrs["model_config"] = np.bytes_(changed.encode("utf-8", "replace"))


def _version(file, rng):
    file.attrs["keras_version"] = rng.choice(_VERSIONS)


def _names(file, rng):
    """Changes the list of the names of layers, or of the weights of a layer."""
    group = file["model_weights"]
    name = rng.choice(("layer_names", "weight_names"))
    group = group if name == "layer_names" else group[rng.choice(sorted(group))]
    names = [n if isinstance(n, bytes) else n.encode() for n in group.attrs[name].tolist()]
    how = rng.choice(("lost", "twice", "other", "none"))
    if how == "none":
        del group.attrs[name]
        return
    place = rng.randrange(len(names) + 1)
    changed = {
        "lost": names[:place],
        "twice": [*names, *names[:place]],
        "other": [mutate(name, rng).replace(b"\0", b"") or b"/" for name in names],
    }[how]
    group.attrs[name] = np.array(changed, dtype="S") if changed else np.zeros((0,), "S1")


def _array(file, rng):
    """Replaces an array of weights by another one, or removes it."""
    import h5py

    names = []
    file.visit(names.append)
    name = rng.choice([name for name in sorted(names) if isinstance(file[name], h5py.Dataset)])
    value = file[name][()]
    del file[name]
    if rng.random() < 0.8:
        file[name] = rng.choice((*_ARRAYS, np.full_like(value, np.inf), value[..., None]))
