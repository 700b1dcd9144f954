"""Scores of a set's chunks as one table, with q-values over all of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from scxpresso.store import write_rows
from scxpresso.variants.score_table import SCORE_COLUMNS, is_scorable, read_rows

P_VALUE, POOLED, Q_VALUE, FLAG = (
    SCORE_COLUMNS.index(name) for name in ("p_value", "pooled_p_value", "q_value", "flag")
)


def q_values(counts: dict[str, int]) -> dict[str, str]:
    """Give Benjamini–Hochberg q-values by p-value (as text), from how often each occurs; '' does not count.

    Ranks are relative, so that a p-value occurs often and few distinct ones stand for any number of rows.
    """
    texts = sorted((text for text in counts if text), key=float)
    p = np.array([float(text) for text in texts])
    rank = np.cumsum([counts[text] for text in texts])
    q = np.minimum.accumulate((p * (rank[-1] if len(rank) else 0) / rank)[::-1])[::-1]
    return {text: f"{min(value, 1.0):.6g}" for text, value in zip(texts, q, strict=True)} | {"": ""}


def join_scores(parts: Sequence[str | Path], output: str | Path) -> int:
    """Join tables of scores, with q_value over the rows of all; give their number.

    q-values are of pooled p-values if the tables have any, else of those of the gene's own background. Rows that are not
    scorable get no q-value and do not count for those of others. Reads the tables twice and keeps the distinct p-values in
    memory, no rows. Raises InputError for a file that is no such table.
    """
    counts: dict[int, Counter[str]] = {P_VALUE: Counter(), POOLED: Counter()}
    total = 0
    for row in _rows(parts):
        total += 1
        if is_scorable(row[FLAG]):
            for column, of_column in counts.items():
                of_column[row[column]] += 1
    chosen = POOLED if counts[POOLED].keys() - {""} else P_VALUE
    write_rows(output, SCORE_COLUMNS, _with_q_values(parts, chosen, q_values(counts[chosen])))
    return total


def _rows(parts: Sequence[str | Path]) -> Iterator[list[str]]:
    return (row for part in parts for row in read_rows(part, SCORE_COLUMNS))


def _with_q_values(parts: Sequence[str | Path], column: int, q_of: dict[str, str]) -> Iterator[list[str]]:
    for row in _rows(parts):
        row[Q_VALUE] = q_of[row[column]] if is_scorable(row[FLAG]) else ""
        yield row
