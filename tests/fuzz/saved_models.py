"""SavedModels: valid ones to start from, and broken copies of them."""

import shutil

from tests.fuzz.mutations import mutate


def write_valid(folder, model, witness):
    """Writes SavedModels.

    Args:
        folder: folder of their folders.
        model: Keras model of one.
        witness: path that the graph of another writes.
    """
    import tensorflow as tf

    class Writer(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 8, 8, 3))])
        def serve(self, images):
            tf.io.write_file(str(witness), "it ran")
            return {"logits": tf.reduce_mean(images, axis=(1, 2))}

    model.export(folder / "student.savedmodel", format="tf_saved_model", verbose=False)
    module = Writer()
    signatures = {"serving_default": module.serve}
    tf.saved_model.save(module, folder / "writer.savedmodel", signatures=signatures)


def write_broken(source, target, rng):
    """Writes a copy of a SavedModel of which one file is broken, empty or missing.

    Args:
        source: folder of a valid one.
        target: folder to write, which is replaced.
        rng: a `random.Random`.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    graph = target / "saved_model.pb"
    chosen = graph if rng.random() < 0.8 else rng.choice(files)
    how = rng.random()
    if how < 0.03:
        chosen.unlink()
    elif how < 0.06:
        chosen.write_bytes(b"")
    else:
        chosen.write_bytes(mutate(chosen.read_bytes(), rng))
