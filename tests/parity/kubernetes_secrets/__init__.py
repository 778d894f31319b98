"""Kubernetes Secrets compared with the class of the provider."""
