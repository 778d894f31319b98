"""Google Secret Manager beside its official class."""
