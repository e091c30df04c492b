"""Results as text tables for the terminal."""


def of_result(result):
    """The headline table of a result.json: networks first, then the exported files.

    Args:
        result: the content of result.json.

    Returns:
        Text of several lines.
    """
    networks = [("teacher", result["teacher"])]
    networks += [(baseline["method"], baseline) for baseline in result["baselines"]]
    networks += [(result["method"], result["student"] | {"agreement": result["agreement"]})]
    rows = [("", "network", "parameters", "MACs", "accuracy", "agreement")]
    rows += [
        (
            role,
            facts["name"],
            _count(facts["parameters"]),
            _count(facts["macs"]),
            _percent(facts["accuracy"]),
            _percent(facts.get("agreement")),
        )
        for role, facts in networks
    ]
    return (
        f"\n{columns(rows)}\n\n{of_exports(result['exports'])}\n\nweights by {result['selection']}"
    )


def of_exports(entries):
    """The table of the exported files, from the `exports` of a result.json."""
    rows = [("file", "bytes", "accuracy", "worst difference", "ms an image")]
    rows += [
        (
            entry["path"],
            _count(entry["bytes"]),
            _percent(entry["accuracy"]),
            f"{entry['max_abs_difference']:.1e}",
            "-" if entry["latency_ms"] is None else f"{entry['latency_ms']:.3f}",
        )
        for entry in entries
    ]
    return columns(rows)


def of_numbers(numbers):
    """The table of an evaluation, from what `measure` returns."""
    rows = [
        (numbers["model"], f"{numbers['images']:,} images"),
        ("top-1", _percent(numbers["accuracy"])),
        ("top-5", _percent(numbers["top5_accuracy"])),
    ]
    if numbers["agreement"] is not None:
        rows.append(("agreement with the teacher", _percent(numbers["agreement"])))
    rows += [(f"class {name}", _percent(share)) for name, share in numbers["per_class"].items()]
    return columns(rows)


def of_methods(methods):
    """The table of the methods, from a dict of names and their classes."""
    rows = [("method", "needs", "source")]
    rows += [
        (name, ", ".join(kind.needs) or "nothing", kind.source) for name, kind in methods.items()
    ]
    return columns(rows, left=(0, 1, 2))


def columns(rows, left=(0,)):
    """Aligns rows of words: the columns at the places `left` to the left, others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            word.ljust(widths[i]) if i in left else word.rjust(widths[i])
            for i, word in enumerate(row)
        ).rstrip()
        for row in rows
    )


def _percent(share):
    return "-" if share is None else f"{100 * share:.2f} %"


def _count(number):
    return "-" if number is None else f"{number:,}"
