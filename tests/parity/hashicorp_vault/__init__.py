"""HashiCorp Vault beside its official class."""
