"""A run that is killed, then terminated, then finished: the bits of one that was not."""

import signal

import pytest

from tests import kill, tiny
from tests.kill import Killing, Moment

WORDS = (
    "--target_dataset=embedded:digits --ood_dataset=embedded:photos --ood_fit=crops "
    "--ood_crops_per_picture=32 --ood_subset=40 --image_size=8 --channels=1 --patch_size=4 "
    "--noise_dim=8 --generator_filters=4 --discriminator_filters=4 --batch_size=4 --rounds=4 "
    "--student_steps_per_round=1 --evaluate_every=1 --checkpoint_every=2 --precision=float32 "
    "--exports=keras,tflite_clustered --clusters=4 --compression_rounds=4"
).split()


@pytest.mark.slow
def test_a_run_that_is_killed_and_terminated_ends_with_the_same_bits(tmp_path):
    tiny.classifier(input_shape=(8, 8, 1)).save(tmp_path / "network.keras")
    networks = [f"--{role}={tmp_path / 'network.keras'}" for role in ("teacher", "student")]
    killing = Killing([*WORDS, *networks], tmp_path, (signal.SIGKILL, signal.SIGTERM))
    killing.run_reference()
    assert list(killing.begins) == [
        *("start", "distillation", "compression", "export", "report", "end")
    ]
    moments = [
        Moment(stage="distillation", share=0.0, writing=True),
        Moment(stage="distillation", share=0.5, writing=False),
        Moment(stage="compression", share=0.5, writing=False),
    ]
    outcome = killing.run_killed("killed", moments)
    assert outcome.faults == []
    assert outcome.moments == moments
    assert {name for name, _ in outcome.resumed} == {"mosaic", "clustered_4"}


def test_moments_are_spread_over_all_stages_and_some_runs_have_several(tmp_path):
    killing = Killing([], tmp_path)
    killing.begins = dict.fromkeys([*kill.STAGES, "end"], 0.0)
    runs = killing.moments(25, 3)
    assert [len(moments) for moments in runs[:6]] == [1, 1, 3, 1, 1, 3]
    kinds = {(m.stage, m.writing) for moments in runs for m in moments}
    assert len(kinds) == len(kill.STAGES) + len(kill.WRITING)
