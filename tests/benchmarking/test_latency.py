"""The exported student is timed on one thread and on all."""

from mosaickd_tf import export, machine, models
from mosaickd_tf.benchmarking.latency import latencies


def test_every_tflite_is_timed_twice(monkeypatch):
    threads = []
    monkeypatch.setattr(machine, "cores", lambda: 3)
    monkeypatch.setattr(
        export, "latency_ms", lambda path, image, threads: threads_of(path, image, threads)
    )

    def threads_of(path, image, number):
        assert path.is_file() and image.shape == (1, 8, 8, 3)
        threads.append(number)
        return 0.25

    student = models.build_classifier("wrn10_1", num_classes=3, input_shape=(8, 8, 3))
    (entry,) = latencies(student)
    assert entry["path"] == "student_float32.tflite"
    assert entry["latency_ms"] > 0 and entry["threads"] == 1
    assert entry["latency_ms_all_threads"] == 0.25 and threads == [3]
