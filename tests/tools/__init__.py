"""What the Makefile runs: stages, environments, small checks. Standard library only."""
