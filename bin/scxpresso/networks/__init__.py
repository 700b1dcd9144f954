"""The networks, their fast forms, their weight files, and prediction."""
