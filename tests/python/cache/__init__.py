"""What is cached, read in batches, and served while a store does not answer."""
