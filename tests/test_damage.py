"""Gzip files of which a byte inside has changed, which their start and end do not show: one message, whoever reads them."""

import gzip
from functools import partial
from pathlib import Path

import pytest

from scxpresso import gene_tables
from scxpresso.external_scores.comparison import read_external
from scxpresso.external_scores.importing import read_scores
from scxpresso.motifs.matrices import read_motifs
from scxpresso.problems import InputError
from scxpresso.saturation.selection import read_gene_list
from scxpresso.variants.tables import open_source

READERS = {
    "other tools' scores": read_external,
    "other tools' files": partial(read_scores, kind=None, tracks=None, score=None),
    "genes to saturate": read_gene_list,
    "genes × numbers": partial(gene_tables.read_rows, expected="a table", fix="write it again"),
    "motifs": read_motifs,
    "variants": open_source,
}


def write_damaged(path: Path, text: str) -> Path:
    """Write a gzip file whose compressed data, behind the header, are no more what gzip wrote."""
    content = gzip.compress(text.encode())
    path.write_bytes(content[:12] + bytes([0xFF] * 10) + content[22:])
    return path


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_gzip_file_is_one_message(tmp_path, reader):
    path = write_damaged(
        tmp_path / "damaged.tsv.gz", "variant\tgene\tmodel\ttrack\tscore\n" + "rs1\tg\tm\tt\t1\n" * 500
    )
    with pytest.raises(InputError, match=r"invalid|damaged"):
        list(READERS[reader](path))
