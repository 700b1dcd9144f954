"""Reading variants: every format, every kind of reject, the windows of both strands, and that nothing gets lost."""

import csv
import gzip
import json
import random
from collections import Counter

import pandas as pd
import pysam
import pytest

from scxpresso.genome.sequence import window_bounds
from scxpresso.problems import InputError
from scxpresso.store import read_table, write_rows
from scxpresso.variants.alleles import anchored, fault_of, slides, trimmed
from scxpresso.variants.chunks import CHUNK_COLUMNS, REJECTED_COLUMNS
from scxpresso.variants.gene_windows import Reach
from scxpresso.variants.genotypes import call_of
from scxpresso.variants.haplotypes import haplotype_combinations
from scxpresso.variants.placement import best_start
from scxpresso.variants.reading import OUTSIDE, OUTSIDE_GENE, read_variants
from scxpresso.variants.score_table import read_chunk
from scxpresso.variants.sources import Vcf
from scxpresso.variants.tables import open_source

UPSTREAM, DOWNSTREAM = 10, 5
#         1         11        21        31        41        51        61        71        81        91
CHR1 = (
    "ACGTACGTAC" "GGTTAACCGT" "TTGACCAGTA" "ccgatgcatt" "GATTACAGAT" "CCAGTTGACC" "AATTCCGGTA" "CGCGATATCG"
    "NNNNRACGTA" "TTTTTTTTTT"
)  # fmt: skip
CHR2 = "GATTACA" * 10
# The window of G1 (+) is 20 … 34, of G2 (−) 56 … 70, of G3 (+, on chr2) 1 … 13, as it lacks two bases of the contig.
GENES = [("G1", "one", "1", "+", 30), ("G2", "two", "1", "-", 60), ("G3.2", "three", "2", "+", 9)]

VCF_HEADER = (
    '##fileformat=VCFv4.3\n##contig=<ID=chr1,length=100>\n##contig=<ID=chr2,length=70>\n##contig=<ID=chrUn>\n'
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO'
)  # fmt: skip


@pytest.fixture
def genome(tmp_path):
    """genome.fa and genes.tsv of a genome of two contigs, which genes.tsv calls 1 and 2."""
    (tmp_path / "genome.fa").write_text(f">chr1\n{CHR1}\n>chr2\n{CHR2}\n")
    columns = ["gene_id", "gene_name", "chrom", "strand", "tss"]
    write_rows(tmp_path / "genes.tsv", columns, GENES)
    return tmp_path


@pytest.fixture
def read(genome):
    """Read a file of the genome's folder; chunks (list of tables), rejected, counts, and what is logged."""

    def run(file, haplotypes=False, rows_per_chunk=1000, name="set"):
        outdir, said = genome / "out", []
        paths = (genome / file, genome / "genome.fa", genome / "genes.tsv")
        counts = read_variants(name, *paths, UPSTREAM, DOWNSTREAM, haplotypes, rows_per_chunk, outdir, said.append)
        assert counts == json.loads((outdir / "counts.json").read_text())
        files = sorted((outdir / "chunks").iterdir(), key=lambda path: int(path.name.split(".")[0]))
        chunks, rejected = [read_table(path) for path in files], read_table(outdir / "rejected.tsv")
        assert all(list(chunk.columns) == CHUNK_COLUMNS for chunk in chunks)
        assert list(rejected.columns) == REJECTED_COLUMNS
        assert len(chunks) == counts["chunks"] and sum(map(len, chunks)) == counts["pairs"]
        lost = counts["not_scorable"] + sum(counts["rejected"].values())
        assert counts["variants"] == counts["scorable"] + counts["repeated"] + lost and lost == len(rejected)
        return chunks, rejected, counts, said

    return run


def vcf_text(rows, samples=()) -> str:
    """A VCF of (chrom, pos, id, ref, alt, *genotypes)."""
    header = VCF_HEADER + "".join(f"\t{name}" for name in (["FORMAT", *samples] if samples else []))
    lines = ["\t".join([*map(str, row[:5]), ".", ".", ".", *(["GT", *row[5:]] if samples else [])]) for row in rows]
    return "\n".join([header, *lines]) + "\n"


def rows_of(chunk) -> list[tuple]:
    return list(chunk[["variant_id", "chrom", "pos", "ref", "alt", "gene_id"]].itertuples(index=False, name=None))


GOOD = [
    ("chr1", 70, "last", "A", "C"),  # out of order
    ("chr1", 25, "two_alleles", "C", "G,T"),
    ("chr1", 31, ".", "c", "a"),
    ("chr2", 1, "first", "G", "T"),
    ("chr1", 58, "mnv", "AC", "TG"),
    ("chr1", 1, "far", "A", "C"),
]
GOOD_ROWS = [
    ("two_alleles", "1", 25, "C", "G", "G1"),
    ("two_alleles", "1", 25, "C", "T", "G1"),
    ("chr1:31:C:A", "1", 31, "C", "A", "G1"),
    ("mnv", "1", 58, "AC", "TG", "G2"),
    ("last", "1", 70, "A", "C", "G2"),
    ("first", "2", 1, "G", "T", "G3.2"),
]


def check_good(chunks, rejected, counts):
    assert rows_of(pd.concat(chunks)) == GOOD_ROWS
    assert (pd.concat(chunks)["carriers"] == "").all()
    assert rejected.to_numpy().tolist() == [["set", "far", "chr1", 1, "A", "C", OUTSIDE]]
    assert (counts["rows"], counts["variants"], counts["scorable"], counts["not_scorable"]) == (6, 7, 6, 1)
    assert counts["rejected"] == {} and counts["repeated"] == 0


@pytest.mark.parametrize("kind", ["plain", "gzip", "bgzip", "bcf", "indexed"])
def test_every_form_of_vcf(genome, read, kind):
    """Known by content: the name says nothing."""
    text, path = vcf_text(GOOD), genome / "variants.txt"
    path.write_text(text)
    if kind == "gzip":
        path.write_bytes(gzip.compress(text.encode()))
    if kind == "bgzip":
        pysam.tabix_compress(str(path), str(genome / "z"))
        (genome / "z").rename(path)
    if kind == "indexed":
        path = genome / "sorted.vcf"
        path.write_text(vcf_text(sorted(GOOD)))
        path = genome / pysam.tabix_index(str(path), preset="vcf")
        assert path.with_name(path.name + ".tbi").exists()
    if kind == "bcf":
        with (
            pysam.VariantFile(str(path)) as source,
            pysam.VariantFile(str(genome / "b"), "wb", header=source.header) as b,
        ):
            for record in source:
                b.write(record)
        (genome / "b").rename(path)
    chunks, rejected, counts, _ = read(path.name)
    check_good(chunks, rejected, counts)
    assert counts["format"] == "VCF/BCF"


@pytest.mark.parametrize("chrom", ["chr{}", "{}", "CHR{}"])
def test_contigs_by_any_spelling(genome, read, chrom):
    rows = [(chrom.format(row[0][3:]), *row[1:]) for row in GOOD]
    (genome / "v").write_text(vcf_text(rows))
    chunks, *_ = read("v")
    names = [name for name, *_ in GOOD_ROWS]
    names[2] = f"{chrom.format(1)}:31:C:A"
    assert rows_of(pd.concat(chunks)) == [(name, *row[1:]) for name, row in zip(names, GOOD_ROWS, strict=True)]


def test_both_edges_of_windows_on_both_strands(genome, read):
    """Hand-made: each base of the contig changed; exactly those of the windows are scorable."""
    rows = [("chr1", pos, f"v{pos}", base, "ACGT"[("ACGT".index(base) + 1) % 4]) for pos, base in
            enumerate(CHR1.upper(), start=1) if base in "ACGT"]  # fmt: skip
    (genome / "v").write_text(vcf_text(rows))
    [chunk], rejected, *_ = read("v")
    assert chunk.loc[chunk["gene_id"] == "G1", "pos"].tolist() == list(range(20, 35))
    assert chunk.loc[chunk["gene_id"] == "G2", "pos"].tolist() == list(range(56, 71))
    assert set(rejected["reason"]) == {OUTSIDE}


@pytest.mark.parametrize(
    "pos, ref, alt, within",
    [
        (18, "CGT", "C", True),  # deletes 19 and 20, of which 20 is in the window
        (17, "CCG", "C", False),
        (34, "AT", "A", False),  # deletes 35
        (33, "GA", "G", True),  # deletes 34
        (19, "G", "GA", False),  # between 19 and 20: the window keeps its bases
        (20, "T", "TA", True),
        (34, "A", "AC", False),
        (33, "G", "GC", True),
        (18, "CGT", "AAA", True),
        (17, "CCG", "AAA", False),
        (34, "AT", "CG", True),
    ],
)
def test_edges_of_longer_alleles(genome, read, pos, ref, alt, within):
    assert CHR1[pos - 1 : pos - 1 + len(ref)].upper() == ref
    (genome / "v").write_text(vcf_text([("chr1", pos, "v", ref, alt), ("chr2", 5, "scorable", "A", "C")]))
    chunks, rejected, *_ = read("v")
    assert [row[-1] for chunk in chunks for row in rows_of(chunk)] == (["G1", "G3.2"] if within else ["G3.2"])
    assert rejected["reason"].tolist() == ([] if within else [OUTSIDE])


@pytest.mark.parametrize(
    "given, expected",
    [
        ((10, "A", "C"), (10, "A", "C")),
        ((10, "CAG", "CTG"), (11, "A", "T")),  # a substitution in disguise
        ((10, "CACG", "CTTG"), (11, "AC", "TT")),
        ((10, "CAA", "CA"), (12, "A", "")),
        ((10, "GCA", "GCATCA"), (13, "", "TCA")),
        ((10, "TA", "A"), (10, "T", "")),
        ((10, "AAAA", "AA"), (12, "AA", "")),
    ],
)
def test_trimmed_alleles(given, expected):
    assert trimmed(*given) == expected


def put_in(letters, pos, ref, alt):
    """A contig with an allele (1-based) put in."""
    assert letters[pos - 1 : pos - 1 + len(ref)] == ref
    return letters[: pos - 1] + alt + letters[pos - 1 + len(ref) :]


def test_alleles_make_the_same_sequence_wherever_they_slide():
    """Property, beside every place looked at one by one: those found are those that make the same sequence, and no others."""
    rng = random.Random(1)
    moved = 0
    for _ in range(2000):
        contig = "".join(rng.choices("AC", k=20))
        pos, length = rng.randint(1, 18), rng.randint(1, 5)
        ref, alt = contig[pos - 1 : pos - 1 + length], "".join(rng.choices("AC", k=rng.randint(1, 5)))
        if ref == alt:
            continue
        result = put_in(contig, pos, ref, alt)
        short = trimmed(pos, ref, alt)
        assert put_in(contig, *short) == result
        assert not (short[1] and short[2]) or (short[1][0] != short[2][0] and short[1][-1] != short[2][-1])
        start = short[0] - 1
        assert put_in(contig, *anchored(contig, start, *short[1:])) == result
        if short[1] and short[2]:
            continue
        left, right = slides(contig, start, *short[1:])
        moved += left + right
        size, inserted = len(short[1]), len(short[2])
        same = []
        for place in range(1, len(contig) - size):
            kept = contig[:place], contig[place + size :]
            if kept[0] + result[place : place + inserted] + kept[1] == result:
                same.append(place)
        assert list(range(start - left, start + right + 1)) == (same or [start])  # else only at the contig's end
    assert moved > 500


@pytest.mark.parametrize(
    "first, last, length, expected",
    [
        (-9, -4, 3, -9),  # upstream: the farthest, whose last base is the first that changes
        (4, 9, 3, 9),  # downstream
        (-3, 5, 3, -3),  # either side: upstream
        (-2, 5, 3, 5),  # only downstream without the TSS
        (-2, 0, 3, -2),  # over the TSS wherever it lies
        (0, 4, 0, 0),  # an insertion before the TSS
        (1, 4, 0, 4),
    ],
)
def test_the_place_of_an_allele_in_a_repeat(first, last, length, expected):
    assert best_start(first, last, length) == expected


@pytest.mark.parametrize(
    "row, reason",
    [
        (("chr1", 26, "v", "C", "<DEL>"), "symbolic"),
        (("chr1", 26, "v", "C", "<*>"), "symbolic"),
        (("chr1", 26, "v", "C", "C[chr2:5["), "symbolic"),
        (("chr1", 26, "v", "C", "]chr2:5]C"), "symbolic"),
        (("chr1", 26, "v", "C", ".CA"), "symbolic"),
        (("chr1", 26, "v", "C", "*"), "the allele *"),
        (("chr1", 26, "v", "C", "."), "no alternative"),
        (("chr1", 26, "v", "C", "C"), "the same"),
        (("chr1", 26, "v", "C", "N"), "bases other than"),
        (("chr1", 85, "v", "R", "A"), "bases other than"),
        (("chr1", 26, "v", "T", "A"), "differs from the FASTA"),
        (("chr1", 26, "v", "CT", "A"), "differs from the FASTA"),
        (("chr1", 82, "v", "A", "C"), "an ambiguous base"),
        (("chr1", 84, "v", "AAA", "C"), "an ambiguous base"),
        (("chr1", 101, "v", "A", "C"), "beyond"),
        (("chr1", 100, "v", "TT", "C"), "beyond"),
        (("chr1", 0, "v", "A", "C"), "before"),
        (("chrUn", 5, "v", "A", "C"), "no such contig"),
        (("chr1", 50, "v", "T", "C"), "outside the window of every gene"),
    ],
)
def test_rejects_of_a_vcf(genome, read, row, reason):
    (genome / "v").write_text(vcf_text([("chr1", 25, "good", "C", "G"), row]))
    [chunk], rejected, counts, _ = read("v", name="se\tt")
    assert chunk["variant_id"].tolist() == ["good"]
    [found] = rejected.to_dict("records")
    assert reason in found.pop("reason")
    assert list(found.values()) == ["se\tt", "v", *row[:2], *row[3:]]
    assert counts["scorable"] == 1


@pytest.mark.parametrize("column", ["gene", "gene_id", "gene_name"])
def test_each_association_is_of_the_gene_that_its_row_names(genome, read, column):
    """As tables of eQTLs have them: a variant comes again for each gene, with another beta."""
    columns = ["gene_id", "gene_name", "chrom", "strand", "tss"]
    write_rows(genome / "genes.tsv", columns, [("G1", "one", "1", "+", 30), ("G2", "two", "1", "-", 25)])
    rows = ["chr1\t25\tC\tG\tG1\t0.5", "chr1\t25\tC\tG\tG2\t-0.25", "chr1\t26\tC\tG\t\t1"]
    (genome / "v").write_text("\n".join([f"chromosome\tposition\tref\talt\t{column}\tbeta", *rows]) + "\n")
    [chunk], _, _, _ = read("v")
    found = chunk[["pos", "gene_id", "gwas_beta"]].itertuples(index=False, name=None)
    assert sorted(found) == [(25, "G1", 0.5), (25, "G2", -0.25), (26, "G1", 1), (26, "G2", 1)]


def test_plain_table(genome, read):
    """Columns in any order; gene by id, name or id without version; alleles that the table leaves to the genome."""
    (genome / "v").write_text(
        "##made by hand\n#alt\tpos\tref\tchrom\tgene\tvariant_id\n"
        + "G\t25\tC\tchr1\t\tnamed\r\n"
        + "\t31\t\tchr1\tone\t\n"
        + "G\t31\tC\tchr1\tone\n"  # cut
        + "G\t31\tC\tchr1\tone\twider\tx\n"
        + "T,G\t58\tA\tchr1\ttwo\t\n"
        + "A\t2\t\tchr2\tG3\tfrom_genome\n"
        + "\t3\tT\tchr2\tthree\t\n"
        + "G\t26\tC\tchr1\tG2\tother_gene\n"
        + "G\t26\tC\tchr1\tnobody\tno_gene\n"
        + "A\t26\t\tchr1\t\tmismatch_is_none\n"
        + "C\t26\t\tchr1\t\tas_it_is\n"
        + "AC\t26\t\tchr1\t\tlonger\n"
        + "\t26\tCA\tchr1\t\tno_alt\n"
        + "\t81\t\tchr1\t\tuncertain\n"
        + "A\tx7\tC\tchr1\t\tno_number\n"
        + "A\t\tC\tchr1\t\tno_position\n"
        + "A\t-3\tC\tchr1\t\tbefore\n"
        + "A\t" + "9" * 30 + "\tC\tchr1\t\tlong\n\n"
        + "A\t26\t-\tchr1\t\tinserted\n"
        + "-\t27\tA\tchr1\t\tdeleted\n"
        + "-\t1\tA\tchr1\t\tfirst\n"
        + "A/C\t30.0\tA\tchr1\t\tboth\n"
        + "C/A\t30\t\tchr1\t\teither\n"
        + "\t30\tA/C\tchr1\t\tin_ref\n"
    )  # fmt: skip
    [chunk], rejected, counts, said = read("v")
    assert rows_of(chunk) == [
        ("named", "1", 25, "C", "G", "G1"),
        ("inserted", "1", 25, "C", "CA", "G1"),
        ("mismatch_is_none", "1", 26, "C", "A", "G1"),
        ("deleted", "1", 26, "CA", "C", "G1"),
        *[(name, "1", 30, "A", "C", "G1") for name in ("both", "either", "in_ref")],
        *[(f"chr1:31:C:{alt}", "1", 31, "C", alt, "G1") for alt in "AGT"],
        *[(f"chr1:58:A:{alt}", "1", 58, "A", alt, "G2") for alt in "TG"],
        *[(f"chr2:3:T:{alt}", "2", 3, "T", alt, "G3.2") for alt in "ACG"],
    ]
    reasons = dict(zip(rejected["variant_id"], rejected["reason"], strict=True))
    assert reasons["other_gene"] == OUTSIDE_GENE
    words = {
        "from_genome": "the same", "no_gene": "not in genes.tsv", "as_it_is": "the same", "longer": "no reference",
        "no_alt": "no alternative", "uncertain": "an ambiguous base", "no_number": "not a whole number: found 'x7'",
        "no_position": "no position", "before": "before", "long": "not a whole number: found '9999", "first": "missing allele",
        "wider": "more cells than the header: found 'G 31",
        "chr1:31:C:G": "fewer cells than the header: the row is truncated: found 'G 31 C chr1 one'",
    }  # fmt: skip
    assert reasons.keys() == words.keys() | {"other_gene"}
    for name, word in words.items():
        assert word in reasons[name], name
    assert (counts["variants"], counts["scorable"], counts["alleles"]) == (25, 11, 15)
    assert any("1 insertions written with '-'" in line for line in said)
    assert not any("names no reference" in line for line in said)  # some rows do


def test_gwas_catalog(genome, read):
    """No alleles: all three substitutions; several positions in a field; the same variant of two studies is one."""
    columns = ["DATE", "CHR_ID", "CHR_POS", "SNPS", "P-VALUE"]
    rows = [
        ("2020", "1", "25", "rs1", "1e-9"),
        ("2021", "1", "25", "rs1", "1e-12"),
        ("2021", "1;2", "31;4", "rs2; rs3", ""),
        ("2021", "2 x 1", "4 x 60", "rs3 x rs4", ""),
        ("2021", "", "", "rs5", ""),
        ("2021", "", "", "rs5", ""),
        ("2021", "1;1", "25", "rs6;rs7", ""),
        ("2021", "1", "50", "rs8", ""),
        ("2021", "7", "25", "rs9", ""),
        ("2021", "1;1", "26;", "rs10;rs11", ""),
    ]
    write_rows(genome / "v.gz", columns, rows)
    chunks, rejected, counts, said = read("v.gz", rows_per_chunk=1)
    assert "NOTE the file names no reference: nothing shows that its positions are of the FASTA's assembly" in said
    expected = {"rs1": ("G1", 25, "AGT", "C"), "rs2": ("G1", 31, "AGT", "C"), "rs10": ("G1", 26, "AGT", "C"),
                "rs4": ("G2", 60, "AGT", "C"), "rs3": ("G3.2", 4, "ACG", "T")}  # fmt: skip
    assert [chunk["gene_id"].unique().tolist() for chunk in chunks] == [["G1"], ["G2"], ["G3.2"]]
    chrom = {gene: chrom for gene, _, chrom, *_ in GENES}
    assert Counter(rows_of(pd.concat(chunks))) == Counter(
        (name, chrom[gene], pos, ref, alt, gene) for name, (gene, pos, alts, ref) in expected.items() for alt in alts
    )
    assert Counter(rejected["variant_id"]) == {"rs5": 2, "rs6;rs7": 1, "rs8": 1, "rs9": 1, "rs11": 1}
    assert (counts["rows"], counts["variants"], counts["repeated"]) == (10, 13, 2)
    assert (counts["scorable"], counts["alleles"], counts["not_scorable"]) == (5, 15, 1)


def test_haplotypes(genome, read):
    rows = [
        ("chr1", 25, "a", "C", "G,T", "0|1", "2|1", "1", "./."),
        ("chr1", 26, "b", "C", "G", "0/1", "1/1", "0", "1|."),
        ("chr1", 27, "c", "A", "G", "0/0", "0|0", ".", "./1"),
    ]
    (genome / "v").write_text(vcf_text(rows, samples=["s0", "s1", "s2", "s3"]))
    [chunk], _, counts, said = read("v", haplotypes=True)
    assert chunk["carriers"].tolist() == ["0.1:,1.1:,2.0", "1.0:", "1.0,1.1,3.0:", ""]
    assert chunk["uncalled"].tolist() == ["3", "3", "0,3.1:", "2,3"]
    assert counts["unphased_calls"] == 2 and any("2 heterozygous calls" in line for line in said)
    assert counts["missing_calls"] == 2 and any("2 calls name no allele" in line for line in said)
    [chunk], *_ = read("v")
    assert set(chunk["carriers"]) == set(chunk["uncalled"]) == {""}


def with_phase_sets(text):
    phase_set = '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="Phase set">\n'
    return text.replace("\tGT\t", "\tGT:PS\t").replace("##FORMAT", f"{phase_set}##FORMAT", 1)


def test_haplotypes_of_a_triploid_and_of_phase_sets(genome, read):
    rows = [("chr1", 25, "a", "C", "G", "0|1:7", "0|1|1:."), ("chr1", 26, "b", "C", "G", "1|0:8", "1|1|1:7")]
    (genome / "v").write_text(with_phase_sets(vcf_text(rows, ["x", "y"])))
    [chunk], *_ = read("v", haplotypes=True)
    assert chunk["carriers"].tolist() == ["0.1:7,1.1:,1.2:", "0.0:8,1.0,1.1,1.2"]


@pytest.mark.parametrize(
    "genotype, alternatives, phased, unknown",
    [
        ("0|1", ((1, 1),), True, ()), ("1|2", ((0, 1), (1, 2)), True, ()), ("1/1", ((0, 1), (1, 1)), False, ()),
        ("1|1", ((0, 1), (1, 1)), False, ()), ("1", ((0, 1),), False, ()), ("0/1", (), False, None),
        ("./1", (), False, None), (".|1", ((1, 1),), True, (0,)), ("./.", (), False, None), (".", (), False, None),
        ("0/0", (), False, ()), ("|0|1", ((1, 1),), True, ()), ("1/2", (), False, None),
    ],
)  # fmt: skip
def test_a_call(genotype, alternatives, phased, unknown):
    assert call_of(genotype)[:3] == (alternatives, phased, unknown)


def test_samples_count_as_genotyped_only_with_a_genotype(genome, read):
    rows = [("chr1", 25, "a", "C", "G", "0|1", "./.", "."), ("chr1", 26, "b", "C", "G", "1|0", ".", "./.")]
    (genome / "v").write_text(vcf_text(rows, ["x", "y", "z"]))
    *_, said = read("v", haplotypes=True)
    assert any("WARNING" in line and "without any genotype (GT): 'y', 'z'" in line for line in said)
    depth = '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">\n'
    text = vcf_text([(*row[:5], "7", "8", "9") for row in rows], ["x", "y", "z"]).replace("\tGT\t", "\tDP\t")
    (genome / "v").write_text(text.replace("##FORMAT", f"{depth}##FORMAT", 1))
    [chunk], _, _, said = read("v", haplotypes=True)
    assert any("NOTE" in line and "no genotypes (GT)" in line for line in said)
    assert chunk["uncalled"].tolist() == ["0,1,2"] * 2


def test_calls_outside_of_every_window_are_not_decoded(genome, read, monkeypatch):
    """But for insertions and deletions, which may slide into a window, and contigs that the FASTA lacks."""

    def snv(chrom, pos, *calls):
        ref = (CHR1 if chrom in ("1", "chr1") else CHR2)[pos - 1].upper()
        return chrom, pos, f"{chrom}:{pos}", ref, "ACGT"["ACGT".index(ref) - 1], *calls

    rows = [snv("chr1", pos, "0|1", "1|.") for pos in (1, 19, 20, 33, 35, 45, 55, 56, 70, 71)]
    rows += [
        ("chr1", 27, "end", CHR1[26], "<DEL>", "1|0", "0|0"),
        snv("1", 50, "1|0", "."),
        snv("chr2", 13, "1|0", "."),
    ]
    rows += [snv("chr2", 20, "1|0", "."), ("chrUn", 5, "un", "A", "C", "1|0", "1|0")]
    rows += [("chr1", 46, "insertion", CHR1[45], CHR1[45] + "ACT", "1|0", "0|0")]
    (genome / "v").write_text(vcf_text(rows, ["x", "y"]))
    decoded, original = [], Vcf.calls

    def calls(record, genotypes):
        decoded.append((record.chrom, record.pos))
        return original(record, genotypes)

    monkeypatch.setattr(Vcf, "calls", staticmethod(calls))
    chunks, rejected, *_ = read("v", haplotypes=True)
    within = [("chr1", pos) for pos in (20, 33, 56, 70, 27)]
    assert decoded == [*within, ("chr2", 13), ("chrUn", 5), ("chr1", 46)]
    monkeypatch.setattr(Reach, "__call__", lambda *_: True)
    again, rejected_again, *_ = read("v", haplotypes=True)
    assert len(decoded) == 8 + len(rows)
    assert all(one.equals(other) for one, other in zip(chunks, again, strict=True)) and rejected.equals(rejected_again)


def test_haplotypes_with_an_allele_that_cannot_be_scored_are_incomplete(genome, read):
    """But for `*`, which another record has, and only in genes in whose window it lies."""
    rows = [
        ("chr1", 25, "a", "C", "G", "1|0", "0|1"),
        ("chr1", 26, "b", "C", "<DEL>", "1|0", "0|0"),
        ("chr1", 27, "c", "A", "G,*", "1|2", "2|1"),
        ("chr1", 58, "d", "A", "G", "1|1", "1|1"),
    ]
    (genome / "v").write_text(vcf_text(rows, ["x", "y"]))
    [chunk], *_ = read("v", haplotypes=True)
    assert dict(zip(chunk["variant_id"], chunk["uncalled"], strict=True)) == {"a": "0.0:", "c": "", "d": ""}
    calls = list(read_chunk(genome / "out" / "chunks" / "1.tsv.gz"))[:2]
    assert haplotype_combinations(calls) == [((0, 1), False)]  # known of y
    assert haplotype_combinations([call._replace(carriers=call.carriers.split(",")[0]) for call in calls]) == [
        ((0, 1), True)
    ]


@pytest.mark.parametrize(
    "row",
    [
        ("chr1", 27, "b", "A", "<DEL>", ".|."),
        ("chr1", 27, "b", "A", "<DEL>", "0/1"),
        ("chr1", 27, "b", "A", ".", "./."),
        ("chr1", 27, "b", "A", "*", ".|."),
        ("chr1", 27, "b", "T", "C", ".|."),
        ("chr1", 3, "b", "G", "<DEL>", "1|1"),
        ("chr1", 3, "b", "GAAATTTCCGGGAACCTTGG", "G", "1|1"),
    ],
    ids=["symbolic", "unphased", "monomorphic", "spanning", "mismatch", "reaches_into_window", "long_mismatch"],
)
def test_calls_of_what_cannot_be_scored_are_missed_too(genome, read, row):
    """At every row of the first allele: what one of them does not know would be taken from the other."""
    rows = [
        ("chr1", 25, "a", "C", "G", "1|1"),
        ("chr1", 25, "again", "C", "G", "1|1"),
        ("chr1", 31, "c", "C", "A", "1|1"),
    ]
    text = vcf_text([*rows, row], ["x"]).replace(
        "##contig", '##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n##contig', 1
    )
    text = text.replace("\tG\t<DEL>\t.\t.\t.", "\tG\t<DEL>\t.\t.\tEND=28")
    (genome / "v").write_text(text)
    read("v", haplotypes=True)
    calls = [call for call in read_chunk(genome / "out" / "chunks" / "1.tsv.gz") if call.gene_id == "G1"]
    assert haplotype_combinations(calls) == [((0, 2), True)]


@pytest.mark.parametrize("row", [("<DEL>", "0|1:9"), ("T", "0|.:9")], ids=["not scorable", "half a call"])
@pytest.mark.parametrize("of_set, known", [("9", True), ("5", False)])
def test_what_is_unknown_in_another_phase_set_may_lie_on_either_chromosome(genome, read, row, of_set, known):
    """Within the set it is that of the other chromosome."""
    alt, call = row
    rows = [("chr1", 25, "a", "C", "G", f"1|0:{of_set}"), ("chr1", 31, "b", "C", "A", f"1|0:{of_set}")]
    (genome / "v").write_text(with_phase_sets(vcf_text([*rows, ("chr1", 27, "c", "A", alt, call)], ["x"])))
    read("v", haplotypes=True)
    calls = list(read_chunk(genome / "out" / "chunks" / "1.tsv.gz"))
    [found] = haplotype_combinations(calls)
    assert ([calls[at].variant_id for at in found.indices], found.incomplete) == (["a", "b"], not known)


def test_calls_of_alleles_that_the_record_has_not_are_unknown(genome, read):
    (genome / "v").write_text(vcf_text([("chr1", 25, "a", "C", "G", "1|2")], ["x"]))
    [chunk], *_ = read("v", haplotypes=True)
    assert chunk[["carriers", "uncalled"]].values.tolist() == [["0.0:", "0.1:"]]


def test_repeated_records_are_one(genome, read):
    """With the calls of both; what one does not know is the other's, and where they contradict each other it is unknown."""
    rows = [
        ("chr1", 25, "a", "C", "G", "0|1", "./.", "0|1"),
        ("chr1", 25, "a", "C", "G", "0|1", "1|1", "1|0"),
        ("chr1", 25, "other_id", "C", "G", "0|1", "./.", "0|1"),
    ]
    (genome / "v").write_text(vcf_text(rows, ["x", "y", "z"]))
    [chunk], _, counts, _ = read("v", haplotypes=True)
    assert chunk["variant_id"].tolist() == ["a", "other_id"] and counts["pairs"] == 2 and counts["scorable"] == 3
    assert chunk["carriers"][0] == "0.1:,1.0,1.1" and chunk["uncalled"][0] == "2.0,2.1"


@pytest.mark.parametrize("text", [vcf_text(GOOD), "chrom\tpos\tref\talt\n1\t25\tC\tG\n"], ids=["vcf", "table"])
def test_haplotypes_without_genotypes_are_warned_of(genome, read, text):
    (genome / "v").write_text(text)
    chunks, _, _, said = read("v", haplotypes=True)
    assert chunks and any("NOTE" in line and "no genotypes" in line for line in said)


def test_chunks_hold_whole_genes(genome, read):
    (genome / "v").write_text(vcf_text(GOOD))
    for size, expected in ((1, [3, 2, 1]), (4, [3, 3]), (5, [5, 1]), (6, [6])):
        chunks, *_ = read("v", rows_per_chunk=size)
        assert [len(chunk) for chunk in chunks] == expected
        assert rows_of(pd.concat(chunks)) == GOOD_ROWS


def test_hostile_names_break_no_table(genome, read):
    names = ['a"b', "'", "x\x1b[31m", "é☃", "=1+1", "q\x85"]
    text = "chrom\tpos\tref\talt\tvariant_id\n" + "".join(f"1\t25\tC\tG\t{name}z\n" for name in names)
    (genome / "v").write_text(text + "".join(f"1\t1\tA\tG\t{name}z\n" for name in names), encoding="utf-8")
    [chunk], rejected, *_ = read("v")
    shown = ['a"bz', "'z", "x\\x1b[31mz", "é☃z", "=1+1z", "q\\x85z"]
    assert chunk["variant_id"].tolist() == shown and rejected["variant_id"].tolist() == shown
    lines = gzip.decompress((genome / "out" / "chunks" / "1.tsv.gz").read_bytes()).decode().splitlines()
    assert len(lines) == 7 and {line.count("\t") for line in lines} == {11}


def many(genome, alter, count=60):
    """A VCF of substitutions in the window of G1 and G2, each altered: (pos, ref, alt) → (pos, ref, alt)."""
    rng = random.Random(2)
    rows = []
    for pos in rng.choices([*range(20, 35), *range(56, 71)], k=count):
        ref = CHR1[pos - 1].upper()
        pos, ref, alt = alter(pos, ref, rng.choice([base for base in "ACGT" if base != ref]))
        rows.append(("chr1", pos, ".", ref, alt))
    (genome / "v").write_text(vcf_text(rows))


@pytest.mark.parametrize(
    "alter, words",
    [
        (lambda pos, ref, alt: (pos, alt, ref), "swapped"),
        (lambda pos, ref, alt: (pos - 1, ref, alt), "off by one"),
        (lambda pos, ref, alt: (pos + 1, ref, alt), "off by one"),
        (lambda pos, ref, alt: (110 - pos if pos < 35 else 98 - pos, ref, alt), "another assembly"),
    ],
    ids=["swapped", "from 0", "from 2", "assembly"],
)
def test_too_many_mismatches_stop_with_the_cause(genome, read, alter, words):
    many(genome, alter)
    with pytest.raises(InputError, match=words) as error:
        read("v")
    assert "alleles differs from the FASTA" in str(error.value) and "chr1:" in str(error.value)
    assert list((genome / "out").iterdir()) == []


def test_mismatches_without_alternatives_are_no_swap(genome, read):
    text = "".join(f"chr1\t{pos}\t{'A' if CHR1[pos - 1] != 'A' else 'C'}\t\n" for pos in range(20, 30))
    (genome / "v").write_text("chrom\tpos\tref\talt\n" + text)
    with pytest.raises(InputError, match=r"10 of 10 alleles .* likely cause is another assembly\n"):
        read("v")


def test_a_few_mismatches_are_rejected(genome, read):
    calls = iter(range(1000))
    many(genome, lambda pos, ref, alt: (pos, alt, ref) if next(calls) < 5 else (pos, ref, alt), count=20)
    *_, counts, _ = read("v")
    assert counts["rejected"] == {"the reference differs from the FASTA": 5} and counts["scorable"] == 15


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "empty file"),
        ("hello\n", "text that starts with"),
        ("chrom,pos,ref\n1,25,C\n", "text that starts with"),
        ("chrom\tpos\tref\talt\tPos\n1\t25\tC\tG\t25\n", "several columns named 'pos'"),
        ("chrom\tpos\tref\talt\n1\t50\tT\tC\n1\tx\tT\tC\n",
         "none of its 2 variants can be scored: 1 because the position is not a .*; 1 because .*outside.* first: 1, 50, T, C"),
        ("chrom\tpos\tref\talt\n", "without variants"),
        (vcf_text([]), "without variants"),
        (b"PK\x03\x04rubbish", "zip"),
        (gzip.compress(vcf_text(GOOD * 500).encode(), mtime=0)[:-30], "cut short"),
        (gzip.compress(b"chrom\tpos\tref\talt\n" + b"1\t25\tC\tG\n" * 5000, mtime=0)[:-30], "cut short"),
        (b"chrom\tpos\tref\talt\n1\t25\tC\tG\n1\t25\tC\t\xff\n", "cannot be read"),
        (vcf_text(GOOD) + "chr1\tabc\n", "cannot be read"),
        (vcf_text(GOOD) + "chr1\tabc\t.\tA\tC\t.\t.\t.\n", "htslib says: .*Could not parse the position 'abc'"),
        (vcf_text([("9", 5, ".", "A", "C"), ("scaffold", 5, ".", "A", "C")]), "variants on the contigs '9', 'scaffold'"),
    ],
    ids=["empty", "text", "csv", "doubled", "nothing scorable", "only a header", "no records", "zip", "cut vcf",
         "cut table", "no text", "bad line", "reason", "contigs"],
)  # fmt: skip
def test_files_that_are_none(genome, read, content, words):
    write(genome / "v", content)
    with pytest.raises(InputError, match=words):
        read("v")
    assert list((genome / "out").iterdir()) == []


def test_a_bgzip_file_that_is_cut_between_blocks(genome, read):
    (genome / "v").write_text(vcf_text(GOOD))
    pysam.tabix_compress(str(genome / "v"), str(genome / "z"))
    write(genome / "z", (genome / "z").read_bytes()[:-28])
    with pytest.raises(InputError, match="cut short"):
        read("z")


def test_genes_of_another_genome(genome, read):
    write_rows(genome / "genes.tsv", ["gene_id", "gene_name", "chrom", "strand", "tss"], [("G", "G", "Z", "+", 5)])
    (genome / "v").write_text(vcf_text(GOOD))
    with pytest.raises(InputError, match="genes on the contigs 'Z'"):
        read("v")


def test_faults_of_alleles():
    assert [fault_of(*pair) for pair in (("A", "C"), ("AC", "G"), ("A", "ACG"))] == [""] * 3
    assert all(fault_of(*pair) for pair in (("", "A"), ("A", ""), ("A", "A.A"), ("A", "a"), ("A", "<"), ("N", "A")))


def test_random_variants_and_windows_agree_with_a_plain_search(genome, read):
    """Property: the genes of each substitution are those whose window, looked at one by one, has its position."""
    rng = random.Random(3)
    contig = "".join(rng.choices("ACGT", k=2000))
    (genome / "genome.fa").write_text(f">1\n{contig}\n")
    genes = [(f"G{n:03}", "", "1", rng.choice("+-"), rng.randint(1, 2000)) for n in range(60)]
    write_rows(genome / "genes.tsv", ["gene_id", "gene_name", "chrom", "strand", "tss"], genes)
    rows = []
    for number in range(500):
        pos = rng.randint(1, 2000)
        ref = contig[pos - 1]
        rows.append(("1", pos, f"v{number}", ref, rng.choice([base for base in "ACGT" if base != ref])))
    (genome / "v").write_text(vcf_text(rows).replace("chr1,length=100", "1"))
    chunks, _, counts, _ = read("v", rows_per_chunk=50)
    expected = set()
    for gene, _, _, strand, tss in genes:
        start, end = window_bounds(tss, strand, UPSTREAM, DOWNSTREAM)
        expected |= {(name, gene) for _, pos, name, *_ in rows if start < pos <= end}
    table = pd.concat(chunks)
    assert set(zip(table["variant_id"], table["gene_id"], strict=True)) == expected and len(table) == len(expected)
    assert len(chunks) > 2 and table["gene_id"].is_monotonic_increasing
    assert counts["scorable"] == len({name for name, _ in expected})


def test_the_executable(genome, run_cli):
    (genome / "v").write_text(vcf_text([*GOOD, ("chr1", 26, "s", "C", "<DEL>")]))
    done = run_cli(
        "read_variants.py", "--set", "my set", "--file", "v", "--fasta", "genome.fa", "--genes", "genes.tsv",
        "--upstream", UPSTREAM, "--downstream", DOWNSTREAM, "--outdir", "out", cwd=genome,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "8 variants of 7 rows: 6 scorable, 1 not scorable, 1 rejected, 0 repeated" in done.stderr
    assert "1 because symbolic allele" in done.stderr
    assert sorted(path.name for path in (genome / "out").iterdir()) == ["chunks", "counts.json", "rejected.tsv"]


@pytest.mark.slow
def test_a_source_is_read_row_by_row(genome):
    """Entries come before the file's end is looked at: a million rows are never in memory together."""
    write(genome / "v", b"chrom\tpos\tref\talt\n" + b"1\t25\tC\tG\n" * 100_000 + b"\xff")
    entries = iter(open_source(genome / "v"))
    assert next(entries).pos == 25
    with pytest.raises(InputError, match="UnicodeDecodeError"):
        list(entries)


@pytest.mark.slow
def test_the_demo_is_what_its_script_makes_and_holds_every_case(demo, demo_genome, tmp_path, run_cli):
    made = run_cli("../setup/simulate_variants.py", "--outdir", tmp_path)
    assert made.returncode == 0, made.stderr
    counts = {}
    for row in csv.DictReader((demo / "variants" / "variants.csv").open()):
        content = []
        for folder in (demo / "variants", tmp_path):
            file = (folder / row["file"]).read_bytes()
            content.append(gzip.decompress(file) if row["file"].endswith(".gz") else file)
        assert content[0] == content[1]
        paths = (demo / "variants" / row["file"], demo / "genome.fa.gz", demo_genome / "genes.tsv")
        outdir = tmp_path / row["set"]
        counts[row["set"]] = read_variants(row["set"], *paths, 7000, 3500, False, 50_000, outdir)
        assert len(read_table(outdir / "chunks" / "1.tsv.gz")["gene_id"].unique()) <= 20
    vcf, gwas = counts["simulated_vcf"], counts["simulated_gwas"]
    assert (vcf["variants"], vcf["scorable"], vcf["not_scorable"], len(vcf["rejected"])) == (162, 156, 4, 2)
    assert (gwas["rows"], gwas["repeated"], gwas["alleles"], gwas["not_scorable"]) == (25, 1, 72, 1)
    assert gwas["rejected"] == {"no position": 1}
