"""What networks read of a gene: from FASTA and annotation to windows, features and folds."""
