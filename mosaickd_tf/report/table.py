"""Results as tables of words, and these as text for the terminal."""

_EXPORT = {
    "file": lambda entry: entry["path"],
    "bytes": lambda entry: count(entry["bytes"]),
    "gzip": lambda entry: count(entry.get("gzip_bytes")),
    "MACs": lambda entry: count(entry.get("macs")),
    "accuracy": lambda entry: percent(entry["accuracy"]),
    "agreement": lambda entry: percent(entry["agreement_with_student"]),
    "worst difference": lambda entry: f"{entry['max_abs_difference']:.1e}",
    "ms, 1 thread": lambda entry: milliseconds(entry["latency_ms"]),
    "ms, all": lambda entry: milliseconds(entry.get("latency_ms_all_threads")),
}
_KINDS = {"synthetic": "synthetic", "ood": "OOD"}


def of_result(result):
    """The headline table of a result.json: networks first, then the exported files.

    Args:
        result: the content of result.json.

    Returns:
        Text of several lines.
    """
    return (
        f"\n{columns(network_rows(result))}\n\n{of_exports(result['exports'])}\n\n"
        f"weights by {result['selection']}"
    )


def of_exports(entries):
    """The table of the exported files, from the `exports` of a result.json.

    Agreement is with the student, and so is the worst difference of an output.
    """
    return "\n".join([columns(export_rows(entries)), *export_notes(entries)])


def network_rows(result):
    """The networks of a result.json as rows of words, the first of them the head."""
    networks = [("teacher", result["teacher"])]
    networks += [(baseline["method"], baseline) for baseline in result["baselines"]]
    networks += [(result["method"], result["student"] | {"agreement": result["agreement"]})]
    rows = [("", "network", "parameters", "MACs", "accuracy", "agreement")]
    rows += [
        (
            role,
            facts["name"],
            count(facts["parameters"]),
            count(facts["macs"]),
            percent(facts["accuracy"]),
            percent(facts.get("agreement")),
        )
        for role, facts in networks
    ]
    return rows


def export_rows(entries):
    """The exported files as rows of words, the first of them the head."""
    return [tuple(_EXPORT), *(tuple(told(entry) for told in _EXPORT.values()) for entry in entries)]


def export_notes(entries):
    """Sentences on what the exported files were compared on and calibrated with."""
    compared = {entry.get("compared_on") for entry in entries} - {None}
    notes = [f"compared with the student on {images}" for images in sorted(compared)]
    for counts in [entry["calibration"] for entry in entries if entry.get("calibration")][:1]:
        parts = (f"{count(number)} {_KINDS[kind]} images" for kind, number in counts.items())
        notes.append(f"integers calibrated with {' and '.join(parts)}")
    return notes + [compression_note(entry) for entry in entries if entry.get("compression")]


def compression_note(entry):
    """A sentence on what the weights of a compressed file are."""
    facts = entry["compression"]
    most = max(layer["values"] for layer in facts["layers"])
    return (
        f"{entry['path']}: {percent(facts['sparsity'])} of the weights are zero, at most {most:,} "
        f"values a layer; learned for {facts['rounds']:,} rounds in {facts['seconds']:.0f} s"
    )


def of_numbers(numbers):
    """The table of an evaluation, from what `measure` returns."""
    rows = [
        (numbers["model"], f"{numbers['images']:,} images"),
        ("top-1", percent(numbers["accuracy"])),
        ("top-5", percent(numbers["top5_accuracy"])),
    ]
    if numbers["agreement"] is not None:
        rows.append(("agreement with the teacher", percent(numbers["agreement"])))
    rows += [(f"class {name}", percent(share)) for name, share in numbers["per_class"].items()]
    return columns(rows)


def of_benchmark(numbers):
    """The table of a benchmark, from what `measure_round` returns."""
    seconds = sorted(numbers["seconds"])
    peaks, asked = numbers["peak_flop_per_second"], numbers["asked"]
    side = asked["image_size"]
    rows = [
        ("round", f"{asked['method']}, {asked['teacher']} to {asked['student']}"),
        ("images", f"{asked['batch_size']} of {side}x{side}, {asked['num_classes']:,} classes"),
        ("precision", numbers["precision"] + (", XLA" if numbers["jit_compile"] else "")),
        ("seconds a round, median", f"{numbers['seconds_per_round']:.3f}"),
        ("fastest and slowest", f"{seconds[0]:.3f} to {seconds[-1]:.3f}"),
        ("images a second", f"{numbers['images_per_second']:.1f}"),
        ("first round after, seconds", f"{numbers['first_round_seconds']:.1f}"),
        ("peak memory, MB", f"{numbers['peak_bytes'] / 1e6:,.0f}"),
        ("GFLOP a round", f"{numbers['flop_per_round'] / 1e9:,.0f}"),
        ("GFLOP/s", f"{numbers['flop_per_second'] / 1e9:,.0f}"),
        *((f"GFLOP/s, {name.replace('_', ' ')}", f"{v / 1e9:,.0f}") for name, v in peaks.items()),
        ("share of the better", percent(numbers["share_of_peak"])),
    ]
    for rival in numbers["pytorch"]:
        rows += [
            (f"{rival['name']}: seconds a round", f"{rival['seconds_per_round']:.3f}"),
            ("peak memory, MB", f"{rival['peak_bytes'] / 1e6:,.0f}"),
            ("ours is as fast, times", f"{rival['times_as_fast']:.2f}"),
        ]
    for entry in numbers["exports"]:
        rows += [
            (f"{entry['path']}: ms an image, one thread", f"{entry['latency_ms']:.3f}"),
            ("all threads", f"{entry['latency_ms_all_threads']:.3f}"),
        ]
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


def milliseconds(time):
    """A time in words; a dash for None."""
    return "-" if time is None else f"{time:.3f}"


def percent(share):
    """A share in [0, 1] in words; a dash for None."""
    return "-" if share is None else f"{100 * share:.2f} %"


def count(number):
    """A whole number in words; a dash for None."""
    return "-" if number is None else f"{number:,}"
