"""Walks and rewrites Keras graphs: copies, folding, activation capture, cost."""
