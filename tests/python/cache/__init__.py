"""What is remembered, read in one go, and served while a store does not answer."""
