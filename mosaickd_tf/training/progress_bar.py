"""Progress of a training on a terminal."""

from tqdm import tqdm

from mosaickd_tf.training.metrics_log import format_metrics

# With the metrics behind it the bar fills a line of 80 columns, the terms of the loss another.
BAR = "{desc} {n_fmt}/{total_fmt} |{bar}| {remaining} left{postfix}"


class ProgressBar:
    """Two lines: a bar with speed and metrics, and below it the terms of the loss.

    Nothing is drawn where standard error is no terminal. To be used as a context manager.

    Args:
        name: of the training.
        total: number of rounds of the whole training.
        done: number of rounds that earlier processes have trained.
    """

    def __init__(self, name, total, done):
        self._bar = tqdm(
            total=total, initial=done, desc=name, disable=None, leave=False, bar_format=BAR
        )
        self._terms = tqdm(total=0, position=1, bar_format="{desc}", disable=None, leave=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._terms.close()
        self._bar.close()

    def advance(self, rounds):
        """Counts rounds."""
        self._bar.update(rounds)

    def move_to(self, step):
        """Sets the number of rounds."""
        self._bar.n = step

    def show(self, metrics, terms):
        """Shows values by name, `metrics` beside the bar and `terms` below it."""
        self._bar.set_postfix_str(format_metrics(metrics))
        self._terms.set_description_str(format_metrics(terms))
