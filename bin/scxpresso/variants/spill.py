"""Entries of a file of variants and their positions, in a database on disk: sorted by contig and gene, outside memory."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from scxpresso.variants.sources import Entry

BLOCK = 20_000  # rows in memory at a time

_TABLES = """
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -50000;
    CREATE TABLE entries (
        number INTEGER PRIMARY KEY, variant_id TEXT, chrom TEXT, pos INTEGER, ref TEXT, alt TEXT, gene TEXT,
        carriers TEXT, uncalled TEXT, either INTEGER, risk TEXT, beta TEXT, p_value TEXT, fault TEXT, found TEXT, stop INTEGER);
    CREATE TABLE rejected (number INTEGER PRIMARY KEY, reason TEXT);
    CREATE TABLE placed (
        gene INTEGER, pos INTEGER, number INTEGER, ref TEXT, alt TEXT, slid INTEGER, turned INTEGER);
    CREATE TABLE unscored (gene INTEGER, number INTEGER, carried INTEGER);
"""
# Another study of a variant adds its risk allele; if one of them is not a substitution, the variant is not.
_AGAIN = """
    ON CONFLICT (chrom, pos, variant_id) DO UPDATE SET
        risk = risk || ',' || excluded.risk, fault = CASE fault WHEN '' THEN excluded.fault ELSE fault END,
        alt = CASE fault WHEN '' THEN excluded.alt ELSE alt END
"""


class Spill:
    """A private database in a file; it takes a few dozen MB of memory, however many entries there are."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> "Spill":
        self.database = sqlite3.connect(self.path, isolation_level=None)
        self.database.executescript(_TABLES)
        self.database.execute("BEGIN")
        return self

    def __exit__(self, *error: object) -> None:
        self.database.close()

    def add(self, entries: Iterable[Entry], once: bool) -> None:
        """Store entries in the order of the file, numbered from 1. once: merge those of the same id and position."""
        if once:
            self.database.execute("CREATE UNIQUE INDEX by_chrom ON entries (chrom, pos, variant_id)")
        places = ", ".join("?" * len(Entry._fields))
        self.database.executemany(f"INSERT INTO entries VALUES (NULL, {places}) {_AGAIN if once else ''}", entries)
        if not once:
            self.database.execute("CREATE INDEX by_chrom ON entries (chrom)")

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        return self.database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def chroms(self, readable: bool = False) -> list[str]:
        """List the contig names of the file. readable: only those of entries without a fault."""
        which = "WHERE chrom <> '' AND fault = ''" if readable else ""
        return [name for (name,) in self.database.execute(f"SELECT DISTINCT chrom FROM entries {which} ORDER BY chrom")]

    def blocks(self, chrom: str) -> Iterator[list[tuple]]:
        """Yield blocks of entries of a contig: number, pos, ref, alt, gene, either, whether any call is stored, fault, end."""
        rows = self.database.execute(
            "SELECT number, pos, ref, alt, gene, either, carriers || uncalled <> '', fault, stop FROM entries "
            "WHERE chrom = ?",
            [chrom],
        )
        while block := rows.fetchmany(BLOCK):
            yield block

    def reject(self, rows: Iterable[tuple[int, str]]) -> None:
        """Store the number and reason of rejected entries."""
        self.database.executemany("INSERT INTO rejected VALUES (?, ?)", rows)

    def place(self, rows: Iterable[tuple[int, int, int, str, str, int, bool]]) -> None:
        """Store rows: gene (index), position, entry (number), ref, alt, bases slid, whether the alleles were swapped."""
        self.database.executemany("INSERT INTO placed VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def leave_unscored(self, rows: Iterable[tuple[int, int, bool]]) -> None:
        """Store rows: gene (index), entry in its window that cannot be scored (number), whether carriers carry its allele."""
        self.database.executemany("INSERT INTO unscored VALUES (?, ?, ?)", rows)

    def unscored(self, gene: int) -> Iterator[str]:
        """Yield the haplotypes that carry, or may carry, alleles in a gene's window that cannot be scored."""
        self.database.execute("CREATE INDEX IF NOT EXISTS unscored_by_gene ON unscored (gene)")
        calls = self.database.execute(
            "SELECT CASE carried WHEN 1 THEN carriers ELSE '' END, uncalled "
            "FROM unscored CROSS JOIN entries USING (number) WHERE unscored.gene = ?",
            [gene],
        )
        return (token for of_entry in calls for text in of_entry if text for token in text.split(","))

    def rejected(self) -> Iterator[tuple]:
        """Yield variant_id, chrom, pos, ref, alt, reason and the text at fault, in the order of the file."""
        return self.database.execute(
            "SELECT variant_id, chrom, pos, ref, alt, reason, found FROM rejected CROSS JOIN entries USING (number) "
            "ORDER BY rejected.number"
        )

    def placed(self) -> Iterator[tuple]:
        """Yield placed rows, sorted by gene and position.

        They are gene, pos, ref, alt, slid, turned, carriers, uncalled, risk, beta, p_value; then variant_id, chrom, pos, ref
        and alt as in the file. Alleles that the file does not name are as placed.
        """
        self.database.execute("CREATE INDEX by_gene ON placed (gene, pos, number)")
        return self.database.execute(
            "SELECT placed.gene, placed.pos, placed.ref, placed.alt, slid, turned, carriers, uncalled, risk, beta, p_value, "
            "variant_id, chrom, entries.pos, "
            "coalesce(nullif(entries.ref, ''), placed.ref), coalesce(nullif(entries.alt, ''), placed.alt) "
            "FROM placed CROSS JOIN entries USING (number) ORDER BY placed.gene, placed.pos, number, placed.rowid"
        )
