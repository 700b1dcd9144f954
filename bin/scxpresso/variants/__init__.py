"""Variants: reading, checking, and scoring by the models of the genes in whose windows they lie."""
