"""The folder of a run while it is written, and once it is finished."""
