"""The output of networks: from an atlas of cells to the expression of its populations."""
