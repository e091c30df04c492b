"""Text tables: aligned, and with the right numbers in the right places."""

from mosaickd_tf.report import table

FACTS = {"name": "wrn40_2", "parameters": 2_255_156, "macs": 328_302_592, "accuracy": 0.7561}
RESULT = {
    "method": "mosaic",
    "teacher": FACTS,
    "student": {"name": "wrn16_1", "parameters": 180_924, "macs": None, "accuracy": 0.61015},
    "baselines": [
        {"method": "kd", "name": "wrn16_1", "parameters": 180_924, "macs": None, "accuracy": 0.3,
         "agreement": 0.25},
    ],
    "agreement": 0.7,
    "selection": "validation: round 90",
    "exports": [
        {"path": "export/student.keras", "bytes": 1_234_567, "accuracy": 0.61, "latency_ms": None,
         "max_abs_difference": 3.14e-6, "agreement_with_student": 1.0},
        {"path": "export/student.tflite", "bytes": 999, "accuracy": None, "latency_ms": 0.51249,
         "max_abs_difference": 0.0, "agreement_with_student": 0.99, "gzip_bytes": 700, "macs": 5,
         "latency_ms_all_threads": 0.3, "compared_on": "8 images: digits",
         "calibration": {"synthetic": 1000, "ood": 2}},
    ],
}  # fmt: skip


def words(text):
    """Returns the cells of a table, line by line; columns are at least two spaces apart."""
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.split("\n")
    ]


def test_columns_are_aligned_the_first_to_the_left_the_others_to_the_right():
    rows = [("", "b", "long head"), ("a name", "1,000", "2"), ("x", "10", "")]
    assert table.columns(rows) == "\n".join(
        ["            b  long head", "a name  1,000          2", "x          10"]
    )


def test_the_table_of_methods():
    class Both:
        needs, source = ("OOD images", "features"), "A et al., 2020"

    class Nothing:
        needs, source = (), "B, 2021"

    assert table.of_methods({"both": Both, "no": Nothing}).split("\n") == [
        "method  needs                 source",
        "both    OOD images, features  A et al., 2020",
        "no      nothing               B, 2021",
    ]


def test_the_table_of_a_result():
    lines = words(table.of_result(RESULT).strip())
    assert lines[:4] == [
        ["network", "parameters", "MACs", "accuracy", "agreement"],
        ["teacher", "wrn40_2", "2,255,156", "328,302,592", "75.61 %", "-"],
        ["kd", "wrn16_1", "180,924", "-", "30.00 %", "25.00 %"],
        ["mosaic", "wrn16_1", "180,924", "-", "61.02 %", "70.00 %"],
    ]
    assert lines[-1] == ["weights selected by validation: round 90"]


def test_the_table_of_exports():
    assert words(table.of_exports(RESULT["exports"])) == [
        ["file", "bytes", "gzip", "MACs", "accuracy", "agreement", "max abs. error",
         "ms, 1 thread", "ms, all"],
        ["export/student.keras", "1,234,567", "-", "-", "61.00 %", "100.00 %", "3.1e-06", "-", "-"],
        ["export/student.tflite", "999", "700", "5", "-", "99.00 %", "0.0e+00", "0.512", "0.300"],
        ["compared with the student on 8 images: digits"],
        ["quantization calibrated with 1,000 synthetic images and 2 OOD images"],
    ]  # fmt: skip


def test_a_result_of_before_has_no_notes():
    assert table.export_notes(RESULT["exports"][:1]) == []


def test_all_lines_of_a_table_end_at_the_same_column():
    full = [
        dict(entry, accuracy=0.5, latency_ms=1.0, latency_ms_all_threads=1.0)
        for entry in RESULT["exports"]
    ]
    lengths = {len(line) for line in table.of_exports(full).split("\n")[:3]}
    assert len(lengths) == 1


def test_without_a_target_data_set_the_accuracies_are_dashes():
    unknown = dict(RESULT["student"], accuracy=None)
    result = RESULT | {"student": unknown, "teacher": unknown, "agreement": None, "baselines": []}
    lines = words(table.of_result(result).strip())
    assert [line[-2:] for line in lines[1:3]] == [["-", "-"], ["-", "-"]]


NUMBERS = {
    "model": "student.tflite",
    "images": 1797,
    "accuracy": 0.98,
    "top5_accuracy": 1.0,
    "agreement": 0.9,
    "per_class": {"cat": 0.5, "dog": None},
}


def test_the_table_of_an_evaluation():
    assert words(table.of_numbers(NUMBERS)) == [
        ["student.tflite", "1,797 images"],
        ["top-1", "98.00 %"],
        ["top-5", "100.00 %"],
        ["agreement with the teacher", "90.00 %"],
        ["class cat", "50.00 %"],
        ["class dog", "-"],
    ]


def test_the_table_of_an_evaluation_of_several_labels():
    of_labels = {"top5_accuracy": None, "exact_match": 0.25, "mean_average_precision": 0.75}
    assert words(table.of_numbers(NUMBERS | of_labels))[1:4] == [
        ["accuracy, over labels", "98.00 %"],
        ["exact match", "25.00 %"],
        ["mean average precision", "75.00 %"],
    ]


def test_the_networks_of_several_labels_have_a_mean_average_precision():
    student = RESULT["student"] | {"mean_average_precision": 0.5}
    rows = table.network_rows(RESULT | {"student": student})
    assert [row[-1] for row in rows] == ["mean AP", "-", "-", "50.00 %"]


def test_without_a_teacher_there_is_no_line_of_agreement():
    assert "agreement" not in table.of_numbers(NUMBERS | {"agreement": None})


def test_a_compressed_file_says_what_its_weights_are():
    layers = [{"values": 16}, {"values": 7}]
    facts = {"sparsity": 0.5, "layers": layers, "rounds": 60, "seconds": 12.4}
    entry = RESULT["exports"][1] | {"compression": facts}
    assert table.export_notes([entry])[-1] == (
        "export/student.tflite: 50.00 % of the weights are zero, at most 16 values a layer; "
        "trained for 60 rounds in 12 s"
    )
