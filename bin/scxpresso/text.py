"""Text, names and numbers as people read them: in messages, sentences and tables."""

import difflib
import re
from collections.abc import Collection, Iterable

import pandas as pd


def shown(text: object) -> str:
    """Text of the user on one line: control and invisible characters are shown as escapes, not obeyed."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def spaced(text: str) -> str:
    """Lower case, with a blank for underscores, hyphens and blanks: `MANE_Select` → `mane select`."""
    return re.sub(r"[\s_-]+", " ", text).strip().lower()


def did_you_mean(name: object, options: Iterable[str]) -> str:
    """`did you mean 'x'?`, however either is capitalised or punctuated; '' where nothing is near."""

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower())

    known = {plain(option): option for option in options}
    near = difflib.get_close_matches(plain(str(name)), known, n=1)
    return f"did you mean {known[near[0]]!r}?" if near else ""


def plural(number: float, one: str, many: str | None = None) -> str:
    """'1 fold', '20 folds'."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def span(values: Collection[float], one: str) -> str:
    """'20 folds' where all values are 20, '18–20 folds' where they differ."""
    low, high = min(values), max(values)
    return plural(high, one) if low == high else f"{count(low)}–{plural(high, one)}"


def listed(items: Iterable[object]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def count(value: float) -> str:
    """1234567.0 as 1,234,567."""
    return "–" if pd.isna(value) else f"{value:,.0f}"


def decimal(value: float, digits: int = 2) -> str:
    """0.4567 as 0.46, a missing number as a dash, and no minus before a zero."""
    return "–" if pd.isna(value) else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def percent(share: float) -> str:
    """A share as a CSS percentage between 0 and 100."""
    return "0" if pd.isna(share) else f"{100 * min(max(share, 0), 1):.1f}"


def p_text(value: float) -> str:
    """A p-value as people print it: 0.013, 9.5e-07."""
    return "–" if pd.isna(value) else f"{value:.2g}" if value >= 0.001 else f"{value:.1e}"


def moment(stamp: str) -> str:
    """2025-11-23T06:48:12.345Z to the minute."""
    return stamp[:16].replace("T", " ")
