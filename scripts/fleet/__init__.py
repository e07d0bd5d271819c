"""The parts of `make fleet`."""
