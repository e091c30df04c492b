"""Options that earlier versions lacked, in the files that those versions wrote."""

# What their runs did: later versions leave it to the teacher's file unless it is said.
EARLIER = {
    "task": "single_label",
    "image_size": 32,
    "channels": 3,
    "teacher_input": "unit",
    "teacher_layout": "channels_last",
    "teacher_output_kind": "logits",
    "patch_size": 10,
    "recipe": "paper",
}


def with_earlier(options):
    """Returns the options of a recorded run, with those that its version lacked.

    Args:
        options: dict from names to values, as the `config` of a result.json.
    """
    return EARLIER | options
