"""Format text, names and numbers for messages, sentences and tables."""

import difflib
import re
from collections.abc import Collection, Iterable

import pandas as pd


def shown(text: object) -> str:
    """Escape control and invisible characters of a user's text."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def spaced(text: str) -> str:
    """Convert to lower case, with one space for underscores, hyphens and spaces: `MANE_Select` → `mane select`."""
    return re.sub(r"[\s_-]+", " ", text).strip().lower()


def did_you_mean(name: object, options: Iterable[str]) -> str:
    """Suggest an option, ignoring case and punctuation: `did you mean 'x'?`; '' if none is similar."""

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    known = {plain(option): option for option in options}
    near = difflib.get_close_matches(plain(str(name)), known, n=1)
    return f"did you mean {known[near[0]]!r}?" if near else ""


def plural(number: float, one: str, many: str | None = None) -> str:
    """Format a number with its unit: '1 fold', '20 folds'."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def span(values: Collection[float], one: str) -> str:
    """Format a range with its unit: '20 folds' if all values are 20, else '18–20 folds'."""
    low, high = min(values), max(values)
    return plural(high, one) if low == high else f"{count(low)}–{plural(high, one)}"


def listed(items: Iterable[object]) -> str:
    """Join items: 'a', 'a and b', 'a, b and c'."""
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def count(value: float) -> str:
    """Format a count: 1234567.0 as 1,234,567."""
    return "–" if pd.isna(value) else f"{value:,.0f}"


def decimal(value: float, digits: int = 2) -> str:
    """Round a number: 0.4567 as 0.46, a missing number as a dash, without a minus sign before zero."""
    return "–" if pd.isna(value) else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """Format a share as a CSS percentage between 0 and 100."""
    return "0" if pd.isna(share) else f"{100 * min(max(share, 0), 1):.1f}"


def p_text(value: float) -> str:
    """Format a p-value: 0.013, 9.5e-07."""
    return "–" if pd.isna(value) else f"{value:.2g}" if value >= 0.001 else f"{value:.1e}"


def moment(stamp: str) -> str:
    """Format a time stamp to the minute: 2025-11-23T06:48:12.345Z as 2025-11-23 06:48."""
    return stamp[:16].replace("T", " ")
