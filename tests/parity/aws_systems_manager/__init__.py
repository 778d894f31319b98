"""The SSM Parameter Store compared with its official class."""
