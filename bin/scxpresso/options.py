"""Command-line options shared by several executables, so that each has one type, default and help text."""

from collections.abc import Callable

import click

EXISTING = click.Path(exists=True)
FILE = click.Path(exists=True, dir_okay=False)
FOLDER = click.Path(exists=True, file_okay=False)

fasta_option = click.option("--fasta", required=True, type=EXISTING, help="Genome: FASTA, plain, gzipped or bgzipped.")
genes_option = click.option("--genes", required=True, type=EXISTING, help="genes.tsv of the genome.")
features_option = click.option("--features", required=True, type=EXISTING, help="features.h5 of the genome.")
folds_option = click.option("--folds", required=True, type=EXISTING, help="folds.tsv of the genome.")
expression_option = click.option("--expression", required=True, type=EXISTING, help="<level>.tsv.gz of the atlas.")
fraction_option = click.option(
    "--fraction", type=EXISTING, help="fraction/<level>.tsv.gz of the atlas: further outputs (targets mean+fraction)."
)
dispersion_option = click.option(
    "--dispersion", type=EXISTING, help="dispersion/<level>.tsv.gz, likewise (targets mean+dispersion)."
)
populations_option = click.option(
    "--populations", required=True, type=EXISTING, help="<level>.populations.tsv of the atlas."
)
model_option = click.option(
    "--model", required=True, type=FOLDER, help="Folder with model.json: models/<atlas>/<level>/<recipe>."
)
motifs_option = click.option("--motifs", required=True, type=EXISTING, help="Motifs: MEME (minimal) or JASPAR format.")
p_value_option = click.option(
    "--p_value",
    default=1e-4,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Highest p-value of a hit, for one placement on one strand.",
)

upstream_option = click.option(
    "--upstream",
    default=7000,
    show_default=True,
    type=click.IntRange(0),
    help="Bases of the promoter window before the TSS.",
)
downstream_option = click.option(
    "--downstream",
    default=3500,
    show_default=True,
    type=click.IntRange(1),
    help="Bases of the promoter window from the TSS on.",
)

layer_option = click.option(
    "--layer", help="Layer that holds the raw counts, or 'raw' for .raw; by default X, or raw.X if from CELLxGENE."
)
gene_column_option = click.option("--gene_column", help="Column of var with gene ids or symbols; by default its index.")
annotations_option = click.option(
    "--annotations", type=EXISTING, help="CSV or TSV with a row per cell: columns that are added to obs."
)
cells_option = click.option("--cells", help="Condition on obs that cells have to meet, such as: tissue == 'lung'.")
library_column_option = click.option(
    "--library_column", help="Column of obs with each cell's total of raw counts; by default the sum of its genes."
)

device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="auto: a GPU if there is one.",
)
engine_option = click.option(
    "--engine",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "plain"]),
    help="auto: the fast form of the network; plain: PyTorch's layers as written.",
)
threads_option = click.option(
    "--threads",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="CPU threads; at most one per CPU that the process may use.",
)


def seed_option(text: str) -> Callable:
    """Make the option --seed; `text` is its help."""
    return click.option("--seed", default=1, show_default=True, help=text)


def outdir_option(contents: str, default: str = ".") -> Callable:
    """Make the option --outdir; `contents` names the files that are written to it."""
    return click.option("--outdir", default=default, show_default=True, help=f"Folder for {contents}.")
