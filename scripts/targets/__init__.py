"""The parts of `make targets`: the list of targets, recording, feeding, reading and comparing."""
