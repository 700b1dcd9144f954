"""The report: from the tables of a run to one page."""
