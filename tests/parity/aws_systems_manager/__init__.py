"""The SSM Parameter Store beside its official class."""
