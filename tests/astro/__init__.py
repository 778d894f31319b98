"""A project of the Astro CLI with our class as its secrets backend."""
