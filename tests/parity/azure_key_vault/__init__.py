"""Azure Key Vault beside its official class."""
