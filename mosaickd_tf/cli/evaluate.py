"""`bin/evaluate`: accuracy and agreement of a .keras or .tflite file."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import EvaluationConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Measures a .keras or .tflite classifier on the test part of a labelled data set.

  bin/evaluate --model=runs/quickstart/export/student_float32.tflite \\
      --target_dataset=embedded:digits --teacher=runs/quickstart/teacher/teacher.keras
"""


def work(evaluation):
    """Measures the model that the flags name and prints the numbers."""
    from mosaickd_tf.evaluation.model_file import evaluate_file
    from mosaickd_tf.report import table
    from mosaickd_tf.utils import files

    if not evaluation.model or not evaluation.target_dataset:
        missing = "target_dataset" if evaluation.model else "model"
        expected = "a data set with labels" if evaluation.model else "a .keras or .tflite file"
        raise RequestError(
            f"`{missing}` is needed. Expected {expected}. Received: nothing. See --help"
        )
    numbers = evaluate_file(evaluation)
    print(table.of_numbers(numbers))
    if evaluation.json:
        files.write_json(evaluation.json, numbers)


def main():
    """The console script."""
    app.main(USAGE, {"evaluation": EvaluationConfig}, work)


if __name__ == "__main__":
    main()
