"""Whether the pages are true: their commands run, their configuration is taken, their links lead somewhere."""
