"""Teachers as tutorials build them: their parts of the images, networks and accuracies."""

import keras
import numpy as np
import pytest
from PIL import Image

from benchmarks import tutorial_teachers
from mosaickd_tf import inspect_teacher


@pytest.fixture(name="images")
def _images(tmp_path):
    """Returns a folder of bright and dark images, ten of each class, at two depths."""
    rng = np.random.default_rng(0)
    for name, low in (("bright", 150), ("dark", 0), ("unused", 0)):
        folder = tmp_path / "images" / name / "deep"
        folder.mkdir(parents=True)
        for number in range(10):
            pixels = rng.integers(low, low + 100, (20, 20, 3)).astype("uint8")
            place = folder if number % 2 else folder.parent
            Image.fromarray(pixels).save(place / f"{name}{number}.png")
        (folder / "notes.txt").write_text("no image")
    return tmp_path / "images"


def test_every_fifth_image_is_held_out_and_none_is_in_both_parts(images, tmp_path):
    assert tutorial_teachers.split(images, ["dark", "bright"], tmp_path) == ["bright", "dark"]
    for name in ("bright", "dark"):
        train, held_out = (
            {path.name for path in (tmp_path / part / name).iterdir()}
            for part in ("train", "held_out")
        )
        assert (len(train), len(held_out)) == (8, 2)
        assert train | held_out == {f"{name}{number}.png" for number in range(10)}
    assert not (tmp_path / "train" / "unused").exists()


def test_without_names_all_folders_are_classes(images, tmp_path):
    assert tutorial_teachers.split(images, [], tmp_path) == ["bright", "dark", "unused"]


def test_a_class_without_images_is_named(images, tmp_path):
    with pytest.raises(SystemExit, match="No images of 'cat'"):
        tutorial_teachers.split(images, ["cat"], tmp_path)


@pytest.mark.parametrize(
    "network, pixels, head, labels",
    [
        ("cats_and_dogs", "bytes", "sigmoid", 1),
        ("flowers", "bytes", "logits", 2),
        pytest.param("mobilenet_v2", "signed", "softmax", 2, marks=pytest.mark.slow),
    ],
)
def test_a_trained_teacher_is_one_that_is_read_off_its_file(
    images, tmp_path, network, pixels, head, labels
):
    arguments = [network, f"--images={images}", "--classes=bright,dark", "--epochs=2"]
    accuracies = tutorial_teachers.main([*arguments, f"--output={tmp_path / 'made'}"])
    # Statistics of two epochs do not tell the range yet; without any it is read off `Rescaling`.
    given = {} if network == "flowers" else {"teacher_input": pixels}
    facts = inspect_teacher(tmp_path / "made" / "teacher.keras", **given)
    assert (facts["pixels"], facts["head"], facts["num_labels"]) == (pixels, head, labels)
    assert (tmp_path / "made" / "labels.txt").read_text() == "bright\ndark\n"
    model = keras.saving.load_model(tmp_path / "made" / "teacher.keras")
    side = model.input_shape[1]
    right = []
    for number, name in enumerate(("bright", "dark")):
        for path in (tmp_path / "made" / "held_out" / name).iterdir():
            image = Image.open(path).resize((side, side), Image.Resampling.BILINEAR)
            shown = np.asarray(image, "float32")[np.newaxis]
            outputs = np.asarray(model(shown / 127.5 - 1 if pixels == "signed" else shown))[0]
            predicted = int(outputs[0] > 0.5) if labels == 1 else int(outputs.argmax())
            right.append(predicted == number)
    assert accuracies["held_out"] == pytest.approx(np.mean(right))
