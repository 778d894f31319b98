"""Azure Key Vault compared with its official class."""
