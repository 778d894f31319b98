"""Properties of every input, tried on many: the same inputs each time in `make test`, new ones in `make soak`."""
