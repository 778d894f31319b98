"""Google Secret Manager compared with its official class."""
