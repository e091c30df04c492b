"""Measurements and scripts that write tables of the documentation."""

import os

# As the commands do, before anything imports TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
