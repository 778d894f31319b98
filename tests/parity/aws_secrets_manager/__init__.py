"""AWS Secrets Manager compared with its official class."""
