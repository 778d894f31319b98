"""What holds for every input, tried on many. The same ones each time in `make test`, ever new ones in `make soak`."""
