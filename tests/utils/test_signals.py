"""Signals that ask a run to stop."""

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
def came():
    """Signals that reached the handlers from before, which are put back at the end."""
    came = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in BOTH}
    yield came
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_is_noted_and_the_block_goes_on(came, number):
    with SignalWatch() as watch:
        assert watch.signal is None
        os.kill(os.getpid(), number)
        assert watch.signal == number
    assert came == []


@pytest.mark.parametrize("first", BOTH)
def test_a_second_ctrl_c_acts_as_it_would_have_without(came, first):
    with SignalWatch() as watch:
        os.kill(os.getpid(), first)
        os.kill(os.getpid(), signal.SIGINT)
        assert watch.signal == first
    assert came == [signal.SIGINT]


def test_a_second_sigterm_ends_the_process_at_once():
    script = """if True:
        import os, signal
        from mosaickd_tf.utils.signals import SignalWatch, raised

        with raised(), SignalWatch():
            os.kill(os.getpid(), signal.SIGTERM)
            print("in order", flush=True)
            os.kill(os.getpid(), signal.SIGTERM)
            print("never", flush=True)
    """
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (-signal.SIGTERM, "in order\n")


def test_outside_of_a_watch_sigterm_is_an_exception_and_files_are_cleared_away(came):
    with pytest.raises(Interrupted) as caught, signals.raised():
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.signal == signal.SIGTERM
    os.kill(os.getpid(), signal.SIGTERM)
    assert came == [signal.SIGTERM]  # the handler from before is back


def test_a_signal_while_a_network_is_traced_is_not_wrapped(came):
    layer = keras.layers.Lambda(lambda x: (os.kill(os.getpid(), signal.SIGTERM), x)[1])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])

    @tf.function
    def run(x):
        return model(layer(x))

    with pytest.raises(Interrupted), signals.raised():
        run(tf.zeros((1, 2)))


def test_a_second_ctrl_c_is_a_keyboard_interrupt(came):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has none
    with pytest.raises(KeyboardInterrupt), SignalWatch():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)


def test_handlers_are_put_back_after_the_block_and_after_an_error(came):
    before = [signal.getsignal(number) for number in BOTH]
    with SignalWatch():
        assert [signal.getsignal(number) for number in BOTH] != before
    assert [signal.getsignal(number) for number in BOTH] == before
    with pytest.raises(ValueError), SignalWatch():
        raise ValueError
    assert [signal.getsignal(number) for number in BOTH] == before


def test_outside_the_main_thread_handlers_are_left_alone(came):
    before = [signal.getsignal(number) for number in BOTH]
    seen = []

    def watch():
        with SignalWatch() as inner:
            seen.extend([[signal.getsignal(number) for number in BOTH], inner.signal])

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert seen == [before, None]
