"""Mutations of files, as by accident and as by an attacker."""

import copy
import json

HOW = ("bits", "bytes", "zeros", "numbers", "copies", "cut", "longer")
_NUMBERS = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\0\0\0\1")


def mutate(content, rng):
    """Changes some bytes of a file, often near its start or end, where the structure is.

    Args:
        content: bytes.
        rng: a `random.Random`.
    """
    how = rng.choice(HOW)
    if how == "cut":
        return content[: rng.randrange(len(content))]
    if how == "longer":
        return content + rng.randbytes(rng.randrange(1, 5000))
    mutated = bytearray(content)
    region = min(len(mutated), rng.choice([64, 1024, 16384, len(mutated)]))
    at_end = rng.random() < 0.5
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        place = rng.randrange(region)
        _change(mutated, how, len(mutated) - 1 - place if at_end else place, rng)
    return bytes(mutated)


def _change(content, how, place, rng):
    if how == "bits":
        content[place] ^= 1 << rng.randrange(8)
    elif how == "bytes":
        content[place] = rng.randrange(256)
    elif how == "zeros":
        end = min(len(content), place + rng.randrange(1, 64))
        content[place:end] = bytes(end - place)
    else:
        source = rng.randrange(len(content))
        piece = rng.choice(_NUMBERS) if how == "numbers" else content[source : source + 16]
        piece = piece[: len(content) - place]
        content[place : place + len(piece)] = piece


def mutate_text(text, rng):
    """Changes digits, words and punctuation of a text."""
    characters = list(text)
    for _ in range(rng.choice([1, 1, 2, 5])):
        place = rng.randrange(len(characters))
        digits = [i for i, c in enumerate(characters) if c.isdigit()]
        if digits and rng.random() < 0.7:
            characters[rng.choice(digits)] = rng.choice(["-1", "0", "99999999", "1e9", "null"])
        else:
            characters[place] = rng.choice(['"', "{", "]", ",", "\0", "é", "\n", "[" * 2000, ""])
    return "".join(characters)


_VALUES = (None, True, -1, 0, 1, 2, 0.5, 99_999_999, 1e300, "", "Lambda", "relu", "a\nb", [], {})


def mutate_json(text, rng):
    """Replaces, copies or removes values of a JSON text, which stays one."""
    tree = json.loads(text)
    for _ in range(rng.choice([1, 1, 2, 5])):
        places = _places(tree)
        container, key = rng.choice(places)
        how = rng.random()
        if how < 0.5:
            container[key] = copy.deepcopy(rng.choice(_VALUES))
        elif how < 0.8:
            other, where = rng.choice(places)
            container[key] = copy.deepcopy(other[where])
        else:
            del container[key]
        if not _places(tree):
            break
    return json.dumps(tree)


def _places(tree):
    """Returns all places of a tree of dicts and lists, each `(container, key)`."""
    places, containers = [], [tree]
    while containers:
        container = containers.pop()
        keys = container if isinstance(container, dict) else range(len(container))
        places += [(container, key) for key in keys]
        containers += [container[key] for key in keys if isinstance(container[key], dict | list)]
    return places
