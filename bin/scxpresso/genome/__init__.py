"""The input of networks: from FASTA and annotation to promoter windows, annotation features and folds."""
