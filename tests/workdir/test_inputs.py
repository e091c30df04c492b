"""What a run started from is known by its content."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mosaickd_tf.config import DistillConfig, options, with_options
from mosaickd_tf.errors import RequestError
from mosaickd_tf.utils import files
from mosaickd_tf.workdir import inputs
from mosaickd_tf.workdir.finished import FinishedRun
from mosaickd_tf.workdir.run_folder import RunFolder, as_flagfile
from tests.report import result


def write_pictures(folder, count=3):
    """Writes a folder of gray images, each of another brightness."""
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(folder / f"{number}.png")


@pytest.fixture
def place(tmp_path):
    """Writes a teacher's file, labels and images; nothing here looks into the teacher."""
    (tmp_path / "teacher.keras").write_bytes(b"a teacher")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    write_pictures(tmp_path / "pictures")
    write_pictures(tmp_path / "target" / "test" / "cat")
    return tmp_path


def config_of(place):
    return with_options(
        DistillConfig(),
        teacher={"teacher": str(place / "teacher.keras")},
        data={
            "ood_dataset": f"folder:{place / 'pictures'}",
            "target_dataset": f"folder:{place / 'target'}",
            "labels": str(place / "labels.txt"),
        },
    )


CHANGES = {
    "teacher": lambda place: (place / "teacher.keras").write_bytes(b"b teacher"),
    "labels": lambda place: (place / "labels.txt").write_text("dog\ncat\n"),
    "ood_dataset": lambda place: (place / "pictures" / "1.png").unlink(),
    "target_dataset": lambda place: (place / "target" / "test" / "cat").rename(
        place / "target" / "test" / "dog"
    ),
}


def test_files_are_known_by_the_sha256_of_their_bytes(place):
    found = inputs.hashes(dict(options(config_of(place))))
    assert list(found) == ["teacher", "labels", "ood_dataset", "target_dataset"]
    assert found["teacher"] == hashlib.sha256(b"a teacher").hexdigest()
    assert found["labels"] == hashlib.sha256(b"cat\ndog\n").hexdigest()


def test_what_is_no_file_has_no_hash():
    data = {"ood_dataset": "embedded:photos", "target_dataset": "embedded:digits"}
    config = with_options(DistillConfig(), teacher={"teacher": "wrn40_2"}, data=data)
    assert inputs.hashes(dict(options(config))) == {}


def test_a_saved_model_is_known_by_all_of_its_files(place):
    folder = place / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "data").write_bytes(b"one")
    config = with_options(config_of(place), teacher={"teacher": str(folder)})
    before = inputs.hashes(dict(options(config)))["teacher"]
    (folder / "variables" / "data").write_bytes(b"two")
    assert inputs.hashes(dict(options(config)))["teacher"] != before


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_changes_its_hash_alone(place, name):
    before = inputs.hashes(dict(options(config_of(place))))
    CHANGES[name](place)
    after = inputs.hashes(dict(options(config_of(place))))
    assert [key for key in before if before[key] != after[key]] == [name]


def test_files_beside_the_images_do_not_count(place):
    before = inputs.hashes(dict(options(config_of(place))))
    (place / "pictures" / "Thumbs.db").write_bytes(b"x")
    (place / "pictures" / ".hidden").mkdir()
    (place / "pictures" / "notes.txt").write_text("x")
    assert inputs.hashes(dict(options(config_of(place)))) == before


def occupy(place, config):
    """Opens and closes the folder of a run; returns the hashes that it records."""
    with RunFolder(place / "run", config) as folder:
        return folder.hashes


def test_a_run_records_them_in_its_folder(place):
    config = config_of(place)
    assert occupy(place, config) == inputs.hashes(dict(options(config)))
    assert json.loads((place / "run" / "inputs.json").read_text()) == inputs.hashes(
        dict(options(config))
    )


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_is_not_resumed_with_another_content_at_the_same_path(place, name):
    config = config_of(place)
    before = occupy(place, config)
    CHANGES[name](place)
    after = inputs.hashes(dict(options(config)))
    for _ in range(2):
        with pytest.raises(RequestError, match=f"of `{name}` changed since") as caught:
            occupy(place, config)
        message = str(caught.value)
        assert before[name][:16] in message and after[name][:16] in message
        assert f"{name}=" in message and "`workdir`" in message
        assert len(message.splitlines()) == 1
    assert inputs.read(place / "run") == before


def test_a_run_is_resumed_with_the_same_content_at_another_path(place):
    before = occupy(place, config_of(place))
    moved = place / "moved"
    moved.mkdir()
    for name in ("teacher.keras", "labels.txt", "pictures", "target"):
        shutil.move(place / name, moved / name)
    config = config_of(moved)
    with RunFolder(place / "run", config) as folder:
        assert folder.hashes == before
        assert (folder / "flags.cfg").read_text() == as_flagfile(dict(options(config)))


def test_another_content_at_another_path_is_another_flag(place):
    occupy(place, config_of(place))
    (place / "other.keras").write_bytes(b"another")
    config = with_options(config_of(place), teacher={"teacher": str(place / "other.keras")})
    with pytest.raises(RequestError, match="of other flags") as caught:
        occupy(place, config)
    assert "teacher.keras" in str(caught.value) and "other.keras" in str(caught.value)


def test_a_run_of_a_version_without_hashes_is_resumed_and_gets_none(place):
    config = config_of(place)
    occupy(place, config)
    (place / "run" / "inputs.json").unlink()
    CHANGES["teacher"](place)
    assert occupy(place, config) == {}


@pytest.mark.parametrize("text", ["[1]", "{}", '{"unknown": 3}', "{", ""])
def test_a_broken_record_is_none(place, text):
    (place / "inputs.json").write_text(text)
    assert inputs.read(place) == {}


@pytest.fixture
def finished(place):
    """Writes the folder of a finished run that started from the files of `place`."""
    config = config_of(place)
    given = {
        "teacher": config.teacher.teacher,
        "labels": config.data.labels,
        "ood_dataset": config.data.ood_dataset,
        "target_dataset": config.data.target_dataset,
    }
    folder = place / "run"
    folder.mkdir()
    content = result()
    files.write_json(folder / "result.json", content | {"config": content["config"] | given})
    inputs.write(folder, inputs.hashes(dict(options(config))))
    return folder


@pytest.mark.parametrize("name", CHANGES)
def test_a_finished_run_is_checked_too(place, finished, name):
    inputs.check_unchanged(FinishedRun(finished))
    CHANGES[name](place)
    with pytest.raises(RequestError, match=f"of `{name}` changed since this run started"):
        inputs.check_unchanged(FinishedRun(finished))
    inputs.check_unchanged(FinishedRun(finished), without=[name])


def test_of_a_finished_run_what_is_gone_is_not_missed(place, finished):
    (place / "teacher.keras").unlink()
    (place / "labels.txt").unlink()
    shutil.rmtree(place / "pictures")
    shutil.rmtree(place / "target")
    inputs.check_unchanged(FinishedRun(finished))


def test_a_finished_run_of_a_version_without_hashes_is_not_refused(place, finished):
    (finished / "inputs.json").unlink()
    CHANGES["teacher"](place)
    inputs.check_unchanged(FinishedRun(finished))
