"""The fuzzer with small numbers, and its detection of failures."""

import importlib.util
import json
import random

import pytest

from mosaickd_tf import inspect_teacher
from mosaickd_tf.errors import RequestError
from tests.fuzz import files, images, mutations
from tests.fuzz.__main__ import failures, fuzz, summary


@pytest.mark.slow
def test_no_broken_file_hangs_crashes_or_runs():
    kinds = [k for k in files.KINDS if k != "pth" or importlib.util.find_spec("torch")]
    results = fuzz(images=60, count=3 * len(kinds), seed=2, kinds=kinds)
    assert failures(results) == []
    counts = {
        kind: [r["outcome"] for r in results if r["kind"] == kind] for kind in ("image", *kinds)
    }
    assert len(results) == 60 + 3 * len(kinds)
    assert set(counts["image"]) == {"fine", "refused"}
    assert all("refused" in outcomes for outcomes in counts.values())


def test_a_failure_is_listed_with_its_seed_and_number():
    good = {"kind": "cfg", "number": 1, "outcome": "fine", "seconds": 0.1, "peak": 1, "before": 1}
    bad = good | {"number": 2, "outcome": "HANG"}
    assert failures([good, bad]) == [bad]
    assert str(bad) in summary([good, bad]) and "failed   1" in summary([good, bad])


@pytest.mark.parametrize("how", mutations.HOW)
def test_a_mutation_changes_the_content_and_is_reproducible(how, monkeypatch):
    monkeypatch.setattr(mutations, "HOW", (how,))
    content = random.Random(0).randbytes(5000)
    changed = [mutations.mutate(content, random.Random(seed)) for seed in range(20)]
    assert changed == [mutations.mutate(content, random.Random(seed)) for seed in range(20)]
    assert all(other != content for other in changed)


def test_images_have_every_format_and_are_reproducible():
    generated = [images.image_file(random.Random(seed)) for seed in range(600)]
    assert generated[:20] == [images.image_file(random.Random(seed)) for seed in range(20)]
    heads = [content[:3] for content, _ in generated]
    for magic in (b"\x89PN", b"\xff\xd8\xff", b"GIF", b"RIF", b"II*", b""):
        assert magic in heads
    assert {suffix for _, suffix in generated} == set(images.SUFFIXES)


def test_a_changed_description_stays_json_and_is_reproducible():
    text = json.dumps({"layers": [{"name": "a", "units": 3}, {"name": "b"}], "version": "2"})
    changed = [mutations.mutate_json(text, random.Random(seed)) for seed in range(50)]
    assert changed == [mutations.mutate_json(text, random.Random(seed)) for seed in range(50)]
    assert all(json.loads(other) != json.loads(text) for other in changed[:3])
    assert len(set(changed)) > 30


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("valid")
    files.write_valid(folder, folder / "witness")
    return folder


@pytest.mark.slow
def test_valid_files_open_and_those_with_code_are_refused(valid):
    for path in sorted(valid.glob("*.h5")):
        if "code" in path.name:
            with pytest.raises(RequestError, match="requires keras.layers.Lambda"):
                inspect_teacher(path)
        else:
            assert inspect_teacher(path)["outputs"]
    for path in sorted(valid.glob("*.savedmodel")):
        with pytest.raises(RequestError, match="Expected `allow_code`"):
            inspect_teacher(path)
    assert not (valid / "witness").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["h5", "savedmodel"])
def test_broken_files_are_reproducible_and_differ_from_valid_ones(valid, kind, tmp_path):
    def written(seed):
        path = tmp_path / f"broken.{kind}"
        files.write_broken(valid, kind, random.Random(seed), path)
        parts = sorted(path.rglob("*")) if path.is_dir() else [path]
        return [part.read_bytes() for part in parts if part.is_file()]

    broken = [written(seed) for seed in range(30)]
    assert [written(seed) for seed in range(5)] == broken[:5]
    assert len({b"".join(parts) for parts in broken}) > 20
