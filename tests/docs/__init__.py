"""Whether the pages are correct: their commands run, their configuration is valid, their links work."""
