"""Scores of a set's chunks as one table, with q-values over all of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scxpresso.store import write_rows
from scxpresso.variants.score_table import SCORE_COLUMNS, read_rows

P_VALUE, Q_VALUE = SCORE_COLUMNS.index("p_value"), SCORE_COLUMNS.index("q_value")


def q_values(counts: dict[str, int]) -> dict[str, str]:
    """Benjamini–Hochberg q-values of p-values as text, by how often each occurs; rows without one are left out.

    Ranks are relative, so that a p-value occurs often and few distinct ones stand for any number of rows.
    """
    texts = sorted((text for text in counts if text), key=float)
    p = np.array([float(text) for text in texts])
    rank = np.cumsum([counts[text] for text in texts])
    q = np.minimum.accumulate((p * (rank[-1] if len(rank) else 0) / rank)[::-1])[::-1]
    return {text: f"{min(value, 1.0):.6g}" for text, value in zip(texts, q, strict=True)} | {"": ""}


def join_scores(parts: Sequence[str | Path], output: str | Path) -> int:
    """Tables of scores one after another as one, with q_value over the rows of all; how many rows that are.

    Reads the tables twice and keeps the distinct p-values in memory, no rows. Raises InputError for what is no such table.
    """
    counts = Counter(p for part in parts for (p,) in read_rows(part, ["p_value"]))
    write_rows(output, SCORE_COLUMNS, _with_q_values(parts, q_values(counts)))
    return counts.total()


def _with_q_values(parts: Sequence[str | Path], q_of: dict[str, str]) -> Iterator[list[str]]:
    for part in parts:
        for row in read_rows(part, SCORE_COLUMNS):
            row[Q_VALUE] = q_of[row[P_VALUE]]
            yield row
