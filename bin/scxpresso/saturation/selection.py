"""Selection of the genes to saturate: by name, from a list, highly variable ones, or all."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from scxpresso.damage import DAMAGE
from scxpresso.files import open_text
from scxpresso.identifiers import GeneNames
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

N_SUGGESTIONS = 5  # unknown genes for which similar names are suggested


def parse_selection(spec: str) -> tuple[list[str], int | None, bool]:
    """Split `--select` into genes by id or name, the number of highly variable genes, and whether all are selected.

    The number is None if no highly variable genes are selected. Raises InputError for an `hvg:` without a number.
    """
    words = [word.strip() for word in spec.split(",") if word.strip()]
    genes = [word for word in words if word != "all" and not word.startswith("hvg:")]
    numbers = [word.removeprefix("hvg:") for word in words if word.startswith("hvg:")]
    for number in numbers:
        if not (number.isascii() and number.isdecimal() and int(number)):
            raise InputError(
                Problem("--select", f"'hvg:{number}'", "hvg:<number of highly variable genes>, such as hvg:2000")
            )
    return genes, max(map(int, numbers), default=None), "all" in words


def read_gene_list(path: str | Path) -> list[str]:
    """Read the genes of a text file, one per line, plain or gzipped; empty lines and lines that start with # are skipped."""
    try:
        with open_text(path) as lines:
            words = [line.strip().removeprefix("\ufeff") for line in lines]
    except DAMAGE as error:
        raise InputError(
            Problem("--list", f"no text ({error})", "a text file (UTF-8), plain or gzipped, with one gene per line")
        ) from None
    return [word for word in words if word and not word.startswith("#")]


def find_genes(genes: pd.DataFrame, wanted: Iterable[str]) -> list[str]:
    """Find the gene_id of each gene by its id, id without version, or unique name (identifiers.GeneNames).

    genes: genes.tsv. Raises InputError that names all unknown genes, with similar names.
    """
    names = GeneNames(genes["gene_id"], genes["gene_name"])
    found = {word: names.gene(word) for word in wanted}
    if unknown := [word for word, gene in found.items() if gene is None]:
        raise InputError(_unknown(genes, unknown))
    return list(dict.fromkeys(gene for gene in found.values() if gene is not None))


def _unknown(genes: pd.DataFrame, words: list[str]) -> Problem:
    known = {*genes["gene_id"], *genes["gene_name"]} - {""}
    hints = []
    for word in words[:N_SUGGESTIONS]:
        bearers = genes.loc[genes["gene_name"] == word, "gene_id"]
        hint = f"it is the name of {preview(bearers)}" if len(bearers) else did_you_mean(word, known)
        hints += [f"{word!r}: {hint}"] if hint else []
    return Problem(
        "the genes to saturate",
        f"{preview(words, 20)}: no genes with features",
        "gene ids, or names that only one gene has, of the genome's genes.tsv (dropped_genes.tsv says why one is not)",
        "; ".join(hints),
    )


def no_gene(where: str) -> Problem:
    """Describe a selection, or a list, that is empty."""
    return Problem(
        where, "no gene", "gene ids or names, hvg:<number>, all, or a list with one gene per line", "name genes"
    )


def select_genes(
    genes: pd.DataFrame,
    spec: str | None,
    listed: Iterable[str] = (),
    variable: Callable[[int], list[str]] | None = None,
) -> list[str]:
    """Select genes: their gene_id, each once, in the order of genes.tsv.

    Parameters
    ----------
    genes: genes.tsv.
    spec: `--select`; its terms add up.
    listed: further genes by id or name.
    variable: returns this number of highly variable genes; None if there is no atlas.

    Raises
    ------
    InputError: for unknown genes, or none at all.
    """
    named, number, everything = parse_selection(spec or "")
    chosen = set(find_genes(genes, [*named, *listed]))
    if number and variable is None:
        raise InputError(
            Problem(
                "--select", f"'hvg:{number}' without an atlas", "the atlas whose genes vary", "give --counts as well"
            )
        )
    if everything:
        chosen |= set(genes["gene_id"])
    elif number and variable is not None:
        chosen |= set(variable(number))
    if not chosen:
        raise InputError(no_gene("--select and --list"))
    return [gene for gene in genes["gene_id"] if gene in chosen]
