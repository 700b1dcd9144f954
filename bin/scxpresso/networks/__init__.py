"""The networks, their fast forms, their files of weights, and prediction with them."""
