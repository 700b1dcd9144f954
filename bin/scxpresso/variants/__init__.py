"""Variants: read, checked against the genome, placed in the windows of genes."""
