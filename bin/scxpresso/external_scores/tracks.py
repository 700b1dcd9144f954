"""Scores of another tool as its file has them, and which of its tracks are wanted."""

from collections.abc import Sequence
from typing import NamedTuple

from scxpresso.problems import InputError, Problem, preview

MAX_TRACKS = 100  # a table of more is not what anyone wants to look at; Enformer has 5,313


class FoundScore(NamedTuple):
    """A score of a file. variant: its id there; pos: 1-based. '' and 0 where the file does not say."""

    variant: str
    chrom: str
    pos: int
    ref: str
    alt: str
    gene: str
    track: str
    score: float


class Tracks:
    """The tracks whose names contain one of the words, without regard to case; all, up to MAX_TRACKS, without words.

    A word that is the whole name of a column means that one alone: Decima's columns are agg_1, agg_10, agg_100, ….
    """

    def __init__(self, words: str | None):
        self.words = [word.strip().lower() for word in (words or "").split(";") if word.strip()]
        self.whole: set[str] = set()
        self.kept: dict[str, None] = {}
        self.other: dict[str, None] = {}

    def keep(self, track: str) -> bool:
        """Return whether a track is wanted. Raises InputError if these are too many."""
        if track in self.kept:
            return True
        name = track.lower()
        wanted = not self.words or any(word == name if word in self.whole else word in name for word in self.words)
        if wanted:
            self.kept[track] = None
            if len(self.kept) > MAX_TRACKS:
                raise InputError(
                    Problem(
                        "", f"more than {MAX_TRACKS} tracks: {preview(self.kept)}", "the tracks of interest",
                        "write words of their names, joined by ';', into the column tracks",
                    )
                )  # fmt: skip
        elif len(self.other) < MAX_TRACKS:
            self.other[track] = None
        return wanted

    def chosen(self, tracks: Sequence[str]) -> list[int]:
        """Return the places of the wanted ones among all tracks of a file."""
        self.whole = set(self.words) & {track.lower() for track in tracks}
        return [place for place, track in enumerate(tracks) if self.keep(track)]

    def check(self) -> None:
        """Raise InputError if no track is wanted."""
        if not self.kept and self.other:
            found = f"no track with {preview(self.words)}"
            fix = "correct the column tracks"
            raise InputError(Problem("", found, f"words of tracks such as {preview(self.other)}", fix))
