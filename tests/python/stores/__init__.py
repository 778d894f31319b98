"""What only one store has."""
