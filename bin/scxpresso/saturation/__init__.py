"""In silico saturation mutagenesis: the effect of every substitution of a gene's window (paper 2.7)."""
