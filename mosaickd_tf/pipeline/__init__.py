"""A request becomes a run: validate, build, run."""
