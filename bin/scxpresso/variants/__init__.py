"""Variants: read, checked, and scored by the models of the genes whose windows they lie in."""
