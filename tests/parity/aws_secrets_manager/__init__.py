"""AWS Secrets Manager beside its official class."""
