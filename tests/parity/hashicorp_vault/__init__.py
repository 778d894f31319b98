"""HashiCorp Vault compared with its official class."""
