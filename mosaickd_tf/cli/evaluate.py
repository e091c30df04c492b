"""`bin/evaluate`: accuracy of a .keras or .tflite file, and agreement with a teacher."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import EvaluationConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Evaluates a .keras or .tflite classifier on the test split of a labeled data set.

  bin/evaluate --model=runs/quickstart/export/student_float32.tflite \\
      --target_dataset=embedded:digits --teacher=runs/quickstart/teacher/teacher.keras
"""


def work(evaluation):
    """Evaluates the model that the flags name and prints the metrics."""
    from mosaickd_tf import teachers
    from mosaickd_tf.evaluation.model_file import evaluate_file
    from mosaickd_tf.report import table
    from mosaickd_tf.utils import files

    if not evaluation.model or not evaluation.target_dataset:
        missing = "target_dataset" if evaluation.model else "model"
        expected = "a data set with labels" if evaluation.model else "a .keras or .tflite file"
        raise RequestError(
            f"`{missing}` is needed. Expected {expected}. Received: nothing. See --help"
        )
    model, teacher = teachers.open_evaluated(evaluation.model, evaluation.model_input), None
    if evaluation.teacher:
        teacher = teachers.load_compared_teacher(
            evaluation.teacher, evaluation.teacher_input, model.image_shape
        )
    numbers = evaluate_file(evaluation, teacher, model)
    print(table.of_numbers(numbers))
    if evaluation.json:
        files.write_json(evaluation.json, numbers)


def main():
    """Runs the command."""
    app.main(USAGE, {"evaluation": EvaluationConfig}, work)


if __name__ == "__main__":
    main()
