"""Handling of the signals that stop a run."""

import os
import signal
import subprocess
import sys
import threading

import keras
import pytest
import tensorflow as tf

from mosaickd_tf.errors import Interrupted
from mosaickd_tf.utils import signals
from mosaickd_tf.utils.signals import SignalWatch

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def received():
    """Records the signals that reach the former handlers."""
    received = []
    before = {number: signal.signal(number, lambda n, _: received.append(n)) for number in BOTH}
    yield received
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_is_recorded_and_the_block_continues(received, number):
    with SignalWatch() as watch:
        assert watch.signal is None
        os.kill(os.getpid(), number)
        assert watch.signal == number
    assert received == []


@pytest.mark.parametrize("first", BOTH)
def test_a_second_ctrl_c_reaches_the_former_handler(received, first):
    with SignalWatch() as watch:
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGINT)
        assert watch.signal == first
    assert received == [signal.SIGINT]


def test_a_second_sigterm_ends_the_process_at_once():
    script = """if True:
        import os, signal
        from mosaickd_tf.utils.signals import SignalWatch, sigterm_raises

        with sigterm_raises(), SignalWatch():
            os.kill(os.getpid(), signal.SIGTERM)
            print("in order", flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            print("never", flush=True)
    """
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (-signal.SIGTERM, "in order\n")


def test_sigterm_raises_interrupted_in_a_block(received):
    with pytest.raises(Interrupted) as caught, signals.sigterm_raises():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.signal == signal.SIGTERM
    os.kill(os.getpid(), signal.SIGTERM)
    assert received == [signal.SIGTERM]  # the former handler is restored


def test_a_signal_while_a_network_is_traced_is_not_wrapped(received):
    layer = keras.layers.Lambda(lambda x: (os.kill(os.getpid(), signal.SIGTERM), x)[1])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])

    @tf.function
    def run(x):
        return model(layer(x))

    with pytest.raises(Interrupted), signals.sigterm_raises():
        run(tf.zeros((1, 2)))


def test_a_second_ctrl_c_is_a_keyboard_interrupt(received):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has none
    with pytest.raises(KeyboardInterrupt), SignalWatch():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_restored_after_the_block_and_after_an_error(received):
    before = [signal.getsignal(number) for number in BOTH]
    with SignalWatch():
        assert [signal.getsignal(number) for number in BOTH] != before
    assert [signal.getsignal(number) for number in BOTH] == before
    with pytest.raises(ValueError), SignalWatch():
        raise ValueError
    assert [signal.getsignal(number) for number in BOTH] == before


def test_outside_the_main_thread_handlers_are_unchanged(received):
    before = [signal.getsignal(number) for number in BOTH]
    seen = []

    def watch():
        with SignalWatch() as inner:
            seen.extend([[signal.getsignal(number) for number in BOTH], inner.signal])

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert seen == [before, None]
