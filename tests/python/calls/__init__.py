"""How many calls leave a process."""
