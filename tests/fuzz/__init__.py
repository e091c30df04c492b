"""Broken pictures and files, made from a seed, and what becomes of them.

  bin/python -m tests.fuzz --images=5000 --files=500 --seed=0

An item is `fine` (it was read) or `refused` (a `RequestError` or a skipped picture, in one
line). Anything else is a failure: another exception, a crash, more than `ITEM_SECONDS`, more
than `MEMORY` beside what the libraries take, code that ran.
"""
