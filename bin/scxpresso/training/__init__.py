"""Training: from genes and expression to networks, and from the networks of all folds to a model."""
