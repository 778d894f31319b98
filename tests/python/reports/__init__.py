"""What is said of lookups: counts, traces, the audit file, log lines."""
