"""Generic helpers: atomic files, locks, signals, the machine, stateless random numbers."""
