"""Fuzzing with broken images and files, generated from a seed.

  bin/python -m tests.fuzz --images=5000 --files=500 --seed=0
  bin/python -m tests.fuzz --images=0 --files=1000 --kinds=h5,savedmodel

The second command reads 500 HDF5 files and 500 SavedModels, in about ten minutes.

An item is `fine` (it was read) or `refused` (a `RequestError` or a skipped image, in one
line). Anything else is a failure: another exception, a crash, more than `ITEM_SECONDS`, more
than `MEMORY` in addition to the libraries, code that ran.
"""
