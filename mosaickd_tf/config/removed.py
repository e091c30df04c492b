"""Options of earlier versions that no longer exist, in the files that those versions wrote."""

from mosaickd_tf.errors import RequestError

# Name of an option: the value with which it did nothing, and the last version that had it.
REMOVED = {
    "memory_size": (0, "0.1.0"),
    "generator_restart_every": (0, "0.1.0"),
    "generator_steps_per_round": (1, "0.1.0"),
    "conditional_weight": (0.0, "0.1.0"),
    "adversarial_warmup": (0, "0.1.0"),
}


def without_removed(options):
    """Returns options without those that no longer exist.

    Args:
        options: dict from names to values, as the `config` of a result.json.

    Raises:
        RequestError: when one of them had an effect.
    """
    for name, (off, _) in REMOVED.items():
        if options.get(name, off) != off:
            raise removed_option(name)
    return {name: value for name, value in options.items() if name not in REMOVED}


def is_removed(name, value):
    """Checks whether an option no longer exists.

    Args:
        name: of the option.
        value: as text, as in a flagfile.

    Returns:
        True for one that did nothing with this value; False for an option that exists.

    Raises:
        RequestError: for one that had an effect.
    """
    if name not in REMOVED:
        return False
    try:
        is_off = float(value) == REMOVED[name][0]
    except ValueError:
        is_off = False
    if not is_off:
        raise removed_option(name)
    return True


def removed_option(name):
    """Returns the `RequestError` for an option that no longer exists."""
    version = REMOVED[name][1]
    return RequestError(
        f"`{name}` was removed. Expected an option of this version. Received: one that version "
        f"{version} was the last to have. Run that version, or leave the option out"
    )
