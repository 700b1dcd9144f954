"""From genes and expression to trained networks, and from the networks of all folds to one model."""
