"""Results as tables of text, for the terminal and for the report."""

_EXPORT = {
    "file": lambda entry: entry["path"],
    "bytes": lambda entry: count(entry["bytes"]),
    "gzip": lambda entry: count(entry.get("gzip_bytes")),
    "MACs": lambda entry: count(entry.get("macs")),
    "accuracy": lambda entry: percent(entry["accuracy"]),
    "agreement": lambda entry: percent(entry["agreement_with_student"]),
    "max abs. error": lambda entry: f"{entry['max_abs_difference']:.1e}",
    "ms, 1 thread": lambda entry: milliseconds(entry["latency_ms"]),
    "ms, all": lambda entry: milliseconds(entry.get("latency_ms_all_threads")),
}
_KINDS = {"synthetic": "synthetic", "ood": "OOD"}
_METRICS = {"accuracy": "top-1", "top5_accuracy": "top-5"}
_MULTI_LABEL_METRICS = {
    "accuracy": "accuracy, over labels",
    "exact_match": "exact match",
    "mean_average_precision": "mean average precision",
}


def of_result(result):
    """Renders the tables of a result.json: networks, then exported files.

    Args:
        result: the content of result.json.

    Returns:
        Text of several lines.
    """
    return (
        f"\n{columns(network_rows(result))}\n\n{of_exports(result['exports'])}\n\n"
        f"weights selected by {result['selection']}"
    )


def of_exports(entries):
    """Renders the table of the exported files, from the `exports` of a result.json.

    Agreement and maximum absolute error are relative to the student.
    """
    return "\n".join([columns(export_rows(entries)), *export_notes(entries)])


def network_rows(result):
    """Returns the networks of a result.json as rows of text; the first is the head."""
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
    if any("mean_average_precision" in facts for _, facts in networks):
        precisions = [percent(facts.get("mean_average_precision")) for _, facts in networks]
        columns = ("mean AP", *precisions)
        rows = [(*row, value) for row, value in zip(rows, columns, strict=True)]
    return rows


def export_rows(entries):
    """Returns the exported files as rows of text; the first is the head."""
    body = [tuple(column(entry) for column in _EXPORT.values()) for entry in entries]
    return [tuple(_EXPORT), *body]


def export_notes(entries):
    """Returns sentences on the images that compared and calibrated the exported files."""
    compared = {entry.get("compared_on") for entry in entries} - {None}
    notes = [f"compared with the student on {images}" for images in sorted(compared)]
    for counts in [entry["calibration"] for entry in entries if entry.get("calibration")][:1]:
        parts = (f"{count(number)} {_KINDS[kind]} images" for kind, number in counts.items())
        notes.append(f"quantization calibrated with {' and '.join(parts)}")
    return notes + [compression_note(entry) for entry in entries if entry.get("compression")]


def compression_note(entry):
    """Returns a sentence on the weights of a compressed file."""
    facts = entry["compression"]
    most = max(layer["values"] for layer in facts["layers"])
    return (
        f"{entry['path']}: {percent(facts['sparsity'])} of the weights are zero, at most {most:,} "
        f"values a layer; trained for {facts['rounds']:,} rounds in {facts['seconds']:.0f} s"
    )


def of_numbers(numbers):
    """Renders the table of an evaluation, from the return value of `evaluate_file`."""
    rows = [(numbers["model"], f"{numbers['images']:,} images")]
    metrics = _MULTI_LABEL_METRICS if "exact_match" in numbers else _METRICS
    rows += [(label, percent(numbers[name])) for name, label in metrics.items()]
    if numbers["agreement"] is not None:
        rows.append(("agreement with the teacher", percent(numbers["agreement"])))
    rows += [(f"class {name}", percent(share)) for name, share in numbers["per_class"].items()]
    return columns(rows)


def of_benchmark(numbers):
    """Renders the table of a benchmark, from the return value of `measure_round`."""
    seconds = sorted(numbers["seconds"])
    peaks, options = numbers["peak_flop_per_second"], numbers["asked"]
    side = options["image_size"]
    rows = [
        ("round", f"{options['method']}, {options['teacher']} to {options['student']}"),
        ("images", f"{options['batch_size']} of {side}x{side}, {options['num_classes']:,} classes"),
        ("precision", numbers["precision"] + (", XLA" if numbers["jit_compile"] else "")),
        ("seconds a round, median", f"{numbers['seconds_per_round']:.3f}"),
        ("fastest and slowest", f"{seconds[0]:.3f} to {seconds[-1]:.3f}"),
        ("images a second", f"{numbers['images_per_second']:.1f}"),
        ("seconds to the first round", f"{numbers['first_round_seconds']:.1f}"),
        ("peak memory, MB", f"{numbers['peak_bytes'] / 1e6:,.0f}"),
        ("GFLOP a round", f"{numbers['flop_per_round'] / 1e9:,.0f}"),
        ("GFLOP/s", f"{numbers['flop_per_second'] / 1e9:,.0f}"),
        *((f"GFLOP/s, {name.replace('_', ' ')}", f"{v / 1e9:,.0f}") for name, v in peaks.items()),
        ("share of the better peak", percent(numbers["share_of_peak"])),
    ]
    for baseline in numbers["pytorch"]:
        rows += [
            (f"{baseline['name']}: seconds a round", f"{baseline['seconds_per_round']:.3f}"),
            ("peak memory, MB", f"{baseline['peak_bytes'] / 1e6:,.0f}"),
            ("speedup over it", f"{baseline['times_as_fast']:.2f}"),
        ]
    for entry in numbers["exports"]:
        rows += [
            (f"{entry['path']}: ms an image, one thread", f"{entry['latency_ms']:.3f}"),
            ("all threads", f"{entry['latency_ms_all_threads']:.3f}"),
        ]
    return columns(rows)


def of_methods(methods):
    """Returns the table of the methods, from a dict of names and their `Method`."""
    rows = [("method", "needs", "source")]
    rows += [
        (name, ", ".join(method.needs) or "nothing", method.source)
        for name, method in methods.items()
    ]
    return columns(rows, left=(0, 1, 2))


def columns(rows, left=(0,)):
    """Aligns rows of text: columns whose index is in `left` to the left, others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            word.ljust(widths[i]) if i in left else word.rjust(widths[i])
            for i, word in enumerate(row)
        ).rstrip()
        for row in rows
    )


def milliseconds(time):
    """Formats a time; a dash for None."""
    return "-" if time is None else f"{time:.3f}"


def percent(share):
    """Formats a share in [0, 1]; a dash for None."""
    return "-" if share is None else f"{100 * share:.2f} %"


def count(number):
    """Formats an integer; a dash for None."""
    return "-" if number is None else f"{number:,}"
