"""The tools that make a release: what they write, and what they refuse."""
