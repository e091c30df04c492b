"""A student from a file or a finished run, with the images that go with it."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from mosaickd_tf import export, models
from mosaickd_tf.config import DataConfig, ExportConfig, ExportSourceConfig
from mosaickd_tf.data import loading
from mosaickd_tf.errors import RequestError
from mosaickd_tf.export import sources
from mosaickd_tf.utils import files
from tests import tiny
from tests.export import logits, student

LABEL_NAMES = ("cat", "dog", "owl", "fox", "Bär")
KERAS_ONLY = ExportConfig(exports=("keras",))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def source(tmp_path):
    """Writes a student's file and a folder of real images."""
    student().save(tmp_path / "given.keras")
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        picture = Image.fromarray(rng.integers(0, 256, (12, 16, 3), "uint8"))
        picture.save(tmp_path / "pictures" / f"{number}.png")
    return tmp_path


def export_given(folder, **options):
    options = {"images": f"folder:{folder / 'pictures'}"} | options
    return export.export_file(
        folder / "given.keras", folder / "out", ExportSourceConfig(**options), KERAS_ONLY
    )


@pytest.fixture
def supplied(monkeypatch):
    """Records the `ExportImages` with which a student would be exported."""
    seen = []
    monkeypatch.setattr(
        sources, "export_with_images", lambda *args, **_: seen.append(args[3]) or []
    )
    return seen


def test_a_student_from_a_file_is_exported_and_compared_on_real_images(source):
    (source / "labels").write_text("\n".join(LABEL_NAMES) + "\n\n", encoding="utf-8")
    entries = export_given(source, labels=str(source / "labels"))
    assert [entry["path"] for entry in entries] == ["student.keras", "serving.keras"]
    assert {entry["compared_on"] for entry in entries} == {"3 images: OOD"}
    assert names(source / "out") == ["labels.txt", "serving.keras", "student.keras"]
    loaded = keras.saving.load_model(source / "out" / "student.keras")
    np.testing.assert_allclose(logits(loaded), logits(student()), atol=1e-6)


def test_the_photos_give_a_thousand_crops(source, supplied):
    export_given(source, images="")
    (supplies,) = supplied
    assert supplies.ood.images.shape == (1000, 8, 8, 3)
    assert supplies.test is None and supplies.synthesize is None


def refusal(source, **options):
    with pytest.raises(RequestError) as caught:
        export_given(source, **options)
    assert len(str(caught.value).splitlines()) == 1
    assert not (source / "out").exists()
    return str(caught.value)


def test_a_serving_model_is_not_a_student(source):
    export.save_serving(student(), source / "given.keras")
    assert "unit images" in refusal(source)


def test_a_serving_model_is_refused_as_a_student(source):
    inputs = keras.Input((8, 12, 3), dtype="uint8")
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(source / "given.keras")
    assert "an input of uint8" in refusal(source)


@pytest.mark.parametrize(
    "lines, expected", [(["a", "b"], "Expected 5, one a class"), (None, "No such file")]
)
def test_labels_that_do_not_name_every_class_are_refused(source, lines, expected):
    path = source / "labels.txt"
    if lines:
        path.write_text("\n".join(lines))
    assert expected in refusal(source, labels=str(path))


def test_images_that_are_not_there_are_refused(source):
    assert "No such folder" in refusal(source, images=f"folder:{source / 'nowhere'}")


# From a run

DATA = DataConfig(
    target_dataset="embedded:digits",
    ood_dataset="embedded:photos",
    image_size=8,
    channels=1,
    ood_fit="crops",
    ood_crops_per_picture=5,
)


@pytest.fixture
def run(tmp_path):
    """Writes the folder of a finished run: its config, its generator, its student."""
    folder = tmp_path / "run"
    folder.mkdir()
    files.write_json(folder / "result.json", {"config": dataclasses.asdict(DATA)})
    tiny.seed_weights(0)
    generator = models.build_generator(image_size=8, channels=1, noise_dim=6, base_filters=4)
    export.save_generator(models.training_copy(generator, "mixed_bfloat16"), folder)
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "given.keras")
    return folder


def of_run(run, **options):
    source = ExportSourceConfig(workdir=str(run), **options)
    export.export_file(run.parent / "given.keras", run.parent / "out", source, KERAS_ONLY)


def test_a_run_gives_its_test_part_its_pictures_and_its_generator(run, supplied):
    of_run(run)
    (supplies,) = supplied
    target = loading.load_target(DATA)
    np.testing.assert_array_equal(supplies.test.images, target.test.images)
    np.testing.assert_array_equal(supplies.ood.images, loading.load_ood(DATA).images)
    assert supplies.label_names == target.label_names
    synthetic = supplies.synthesize(3)
    generator = models.load_generator(run / "generator.keras")
    wanted = models.synthetic_images(generator, 3, seed=sources._SEED).numpy() * 255
    assert synthetic.dtype == np.uint8
    np.testing.assert_allclose(synthetic, wanted, atol=0.51)


def test_a_run_whose_data_moved_finds_them_and_leaves_its_training_part_alone(
    run, supplied, monkeypatch
):
    opened, read_target, read_ood = [], loading.load_target, loading.load_ood

    def load_target(data, training, num_labels):
        opened.append(data.data_dir)
        found = read_target(data, training, num_labels)
        assert found.train is None and len(found.test) == 597
        return found

    monkeypatch.setattr(loading, "load_target", load_target)
    monkeypatch.setattr(loading, "load_ood", lambda d: opened.append(d.data_dir) or read_ood(d))
    of_run(run, data_dir="elsewhere")
    assert opened == ["elsewhere", "elsewhere"] and len(supplied) == 1


def test_of_a_run_of_some_pictures_those_are_taken(run, supplied):
    asked = dataclasses.asdict(DATA) | {"ood_subset": 3}
    files.write_json(run / "result.json", {"config": asked})
    files.write_json(run / "ood_subset.json", {"of": 10, "rows": [1, 4, 6]})
    of_run(run)
    everything = loading.load_ood(DATA).images
    np.testing.assert_array_equal(supplied[0].ood.images, everything[[1, 4, 6]])
    files.write_json(run / "ood_subset.json", {"of": 11, "rows": [1, 4, 6]})
    with pytest.raises(RequestError, match="Expected 11 of them. Received: 10"):
        of_run(run)


def test_a_run_with_an_option_that_was_removed_is_refused_with_the_version_that_had_it(run):
    given = dataclasses.asdict(DATA) | {"conditional_weight": 1.0}
    files.write_json(run / "result.json", {"config": given})
    with pytest.raises(RequestError, match="`conditional_weight` was removed.* version 0.1.0"):
        of_run(run)


def test_the_task_is_that_of_the_run(run, monkeypatch):
    tasks = []
    monkeypatch.setattr(
        sources, "export_with_images", lambda *args, task: tasks.append(task.name) or []
    )
    of_run(run)
    export.export_file(
        run.parent / "given.keras",
        run.parent / "out",
        ExportSourceConfig(images="embedded:photos", task="multi_label"),
        KERAS_ONLY,
    )
    assert tasks == ["single_label", "multi_label"]
    with pytest.raises(RequestError, match="`task` .* Expected single_label"):
        of_run(run, task="multi_label")


def test_pictures_that_are_named_take_the_place_of_those_of_the_run(run, supplied):
    (run / "export").mkdir()
    (run / "export" / "labels.txt").write_text("".join(f"n{i}\n" for i in range(10)))
    of_run(run, images="embedded:photos")
    (supplies,) = supplied
    assert supplies.test is None
    assert len(supplies.ood) == 1000
    assert supplies.label_names == tuple(f"n{i}" for i in range(10))
    assert supplies.synthesize is not None


def test_a_run_that_kept_no_generator_has_none(run, supplied):
    (run / "generator.keras").unlink()
    of_run(run)
    assert supplied[0].synthesize is None


def test_a_student_of_other_images_than_the_run_gets_the_photos(run, supplied):
    tiny.classifier(input_shape=(8, 8, 3)).save(run.parent / "given.keras")
    (run / "generator.keras").unlink()
    of_run(run)
    assert supplied[0].test is None
    assert supplied[0].ood.images.shape == (1000, 8, 8, 3)
