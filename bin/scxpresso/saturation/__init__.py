"""In silico saturation mutagenesis: the effects of all substitutions in a promoter window (paper 2.7)."""
