"""The map of all single-nucleotide variants: made in parts, stored, read, and looked up."""
