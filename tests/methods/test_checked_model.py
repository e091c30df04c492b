"""Entry points of Keras on a distiller: what they refuse, and before anything is traced."""

import numpy as np
import pytest

from mosaickd_tf.data.streams import rounds
from mosaickd_tf.errors import RequestError
from tests.methods.harness import IMAGES, build

BYTES = np.round(IMAGES * 255)
CALLS = {
    "fit": lambda kd: kd.fit(IMAGES, epochs=1, verbose=0),
    "evaluate": lambda kd: kd.evaluate(IMAGES, verbose=0),
    "predict": lambda kd: kd.predict(BYTES, verbose=0),
    "train_on_batch": lambda kd: kd.train_on_batch({"transfer_images": BYTES[:, None]}),
}


@pytest.mark.parametrize("name", CALLS)
def test_wrong_data_is_refused_before_the_student_changes_or_runs(name, monkeypatch):
    distiller = build("kd")
    for step in ("train_step", "test_step", "predict_step"):
        monkeypatch.setattr(distiller, step, lambda *_: pytest.fail("it ran"))
    with pytest.raises(RequestError, match="`x` must"):
        CALLS[name](distiller)


def test_right_data_passes_each_entry_point():
    distiller = build("kd")
    stream = rounds(np.tile(IMAGES, (4, 1, 1, 1)), batch_size=4, student_steps=1)
    distiller.fit(stream, steps_per_epoch=2, verbose=0)
    assert int(distiller.rounds_completed) == 2
    terms = distiller.train_on_batch({"transfer_images": IMAGES[:, None]}, return_dict=True)
    assert int(distiller.rounds_completed) == 3 and terms["distillation_loss"] > 0
    logits = distiller.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(logits, distiller.student(IMAGES, training=False), atol=1e-5)
    labels = logits.argmax(axis=1)
    assert distiller.evaluate(IMAGES, labels, return_dict=True, verbose=0)["accuracy"] == 1.0
