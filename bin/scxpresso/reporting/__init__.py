"""The report of a run, and its record as an RO-Crate."""
