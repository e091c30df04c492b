"""Files to networks: Keras, PyTorch, SavedModel."""
