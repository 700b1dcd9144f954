"""How well models and baselines predict."""
