"""What is reported about lookups: counts, traces, the audit file, log lines."""
