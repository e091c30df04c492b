"""`bin/inspect`: what is in a teacher's file, and the command that distills it."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import InspectionConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Says what is in a model file, whether it can be a teacher, and how to distill it; trains nothing.

  bin/inspect --teacher=keras_model.h5
  bin/inspect --teacher=saved_model --allow_code --json=facts.json
"""


def work(inspection):
    """Prints what is in the file that the flags name."""
    import dataclasses

    from mosaickd_tf.teachers import description
    from mosaickd_tf.utils import files

    if not inspection.teacher:
        raise RequestError(
            "`teacher` is needed. Expected a model file. Received: nothing. See --help"
        )
    options = dataclasses.asdict(inspection)
    path, json = options.pop("teacher"), options.pop("json")
    facts = description.inspect_teacher(path, **options)
    print(description.as_text(facts))
    if json:
        files.write_json(json, facts)


def main():
    """Runs the command."""
    app.main(USAGE, {"inspection": InspectionConfig}, work)


if __name__ == "__main__":
    main()
