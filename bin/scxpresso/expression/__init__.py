"""What networks predict: from an atlas of cells to expression of populations."""
