"""Scores of other tools: their files read and lifted to the genome, and compared with ours."""
