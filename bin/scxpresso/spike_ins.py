"""Spike-ins, RNA of known amount that is added to cells, recognised by name."""

import re

# `ERCC-00002`, also as R writes it (`ERCC.00002`) and after a prefix (`gSpikein_ERCC-00002`); but not the genes ERCC1 to
# ERCC8, nor `ercc-1` of the worm.
_PATTERNS = {
    "spike-in (ERCC)": re.compile(r"(?<![A-Za-z0-9])(?!(?-i:ercc)-\d{1,2}$)ERCC(?:[-_.]|\d{5})", re.IGNORECASE),
    "spike-in (SIRV)": re.compile(r"(?<![A-Za-z0-9])SIRV[-_.]?(?:\d|ome)", re.IGNORECASE),
    "spike-in": re.compile(r"^g?spike[-_.]?ins?[-_.:]", re.IGNORECASE),
}


def spike_in_kind(name: str) -> str:
    """Return `spike-in (ERCC)`, `spike-in (SIRV)` or `spike-in`; '' for any other name."""
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.search(name)), "")
