"""What is measured against others, kept apart from the tests."""

import os

# As the commands do, before anything imports TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
