"""Variant maps: quantisation by hand, against scores that are computed, and what a map of something else is."""

import csv
import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
from test_scoring import CPU, POPULATIONS, UPSTREAM, World, flipped, random_letters

from scxpresso.genome.feature_store import Features
from scxpresso.networks.model import Model
from scxpresso.problems import InputError
from scxpresso.saturation.effects_store import STEP
from scxpresso.store import read_table, write_table
from scxpresso.variant_map.effects import map_variants
from scxpresso.variant_map.parts import parts_of, stores_of, write_parts
from scxpresso.variant_map.queries import Counts, file_rows
from scxpresso.variant_map.reading import VariantMap
from scxpresso.variant_map.scores import MappedScorer, score_with_map
from scxpresso.variant_map.store import (
    LOG_FACTOR,
    MAX_CODE,
    MapMetadata,
    join_parts,
    p_values_of,
    quantised,
    quantised_p_values,
    quantised_sd,
    sd_of,
)
from scxpresso.variants.pooled import pool_effects, sample_genes
from scxpresso.variants.score_table import ScorableVariant
from scxpresso.variants.scoring import Scorer

# Overlapping windows on both strands; `edge` leaves the contig, `unknown` lies in a run of N and is absent from training.
# The networks read bases -400 to 291 of the TSS.
GENES = {f"g{number}": (900 + 450 * number, "+-"[number % 2]) for number in range(6)} | {
    "minus": (3200, "-"),
    "edge": (4900, "+"),
    "unknown": (4200, "-"),
}
LETTERS = random_letters(5000, 5)
LETTERS = LETTERS[:4300] + "N" * 40 + LETTERS[4340:]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("map") / "world", LETTERS, GENES)


@pytest.fixture(scope="module")
def pooled(world):
    model = Model(world.folder / "model")
    return pool_effects(model, Features(world.folder / "features.h5"), sample_genes(model, sorted(GENES)), CPU)


def make_map(world, pooled, folder, genes_per_part=4):
    genes = read_table(world.folder / "genes.tsv")
    parts = write_parts(world.folder / "features.h5", genes, genes_per_part, folder / "parts")
    for number, part in enumerate(parts):
        made = map_variants(Model(world.folder / "model"), part, pooled, genes_per_part, CPU)
        made.write(folder / f"part_{number}")
    table, _ = join_parts([folder / f"part_{number}" for number in range(len(parts))], folder / "map")
    assert sorted(table["gene_id"]) == sorted(world.genes)
    assert len(parts) > 1
    return folder / "map"


@pytest.fixture(scope="module")
def folder(world, pooled, tmp_path_factory):
    return make_map(world, pooled, tmp_path_factory.mktemp("made"))


def scorer(world, pooled):
    table = read_table(world.folder / "genes.tsv", index="gene_id")
    return Scorer(Model(world.folder / "model"), Features(world.folder / "features.h5"), table, CPU, pooled=pooled)


def snvs(world, gene, distances):
    """Every alternative at some distances to the TSS of a gene."""
    made = []
    for distance in distances:
        ref = world.letter(gene, distance)
        made += [world.variant(gene, distance, 1, alt, f"{gene}{distance}{alt}") for alt in "ACGT" if alt != ref]
    return [variant for variant in made if variant.ref in "ACGT" and variant.pos > 0]


def test_quantisation_by_hand():
    """Exact where 32,767 steps are enough; else steps of twice, four times … the size."""
    effects = np.array([[1, MAX_CODE], [-3, MAX_CODE + 1], [MAX_CODE, -4 * MAX_CODE]]) * STEP
    codes, scale = quantised(effects.astype(np.float32))
    assert (scale == [STEP, 4 * STEP]).all()
    assert codes.tolist() == [[1, 8192], [-3, 8192], [MAX_CODE, -MAX_CODE]]
    assert quantised(np.zeros((2, 1), dtype=np.float32))[1] == STEP


def test_errors_are_as_stated():
    rng = np.random.default_rng(1)
    effects = (np.rint(rng.normal(0, 0.2, (500, 3, 2)) / STEP) * STEP).astype(np.float32)
    codes, scale = quantised(effects)
    assert (np.abs(codes * scale - effects) <= scale / 2).all()
    assert (scale / 2 <= np.abs(effects).max(axis=(0, 1)) / MAX_CODE).all()
    p_values = 10 ** -rng.uniform(0, 6, 1000)
    factor = p_values_of(quantised_p_values(p_values)) / p_values
    assert (np.maximum(factor, 1 / factor) < LOG_FACTOR * (1 + 1e-9)).all()
    assert p_values_of(quantised_p_values(np.ones(1))) == 1
    sd = np.rint(np.abs(rng.normal(0, 0.1, 1000)) / STEP) * STEP
    factor = sd_of(quantised_sd(sd)) / sd
    assert (np.maximum(factor, 1 / factor) < LOG_FACTOR * (1 + 1e-9)).all()
    assert sd_of(quantised_sd(np.array([0, STEP]))).tolist() == [0, STEP]


def values_of(table, gene):
    """effect, specificity and both pooled p-values of a gene in the order of LOOK_UP_COLUMNS, one row per population."""
    return table[table["gene_id"] == gene].iloc[:, 8:14].to_numpy(dtype=float)


@pytest.mark.parametrize("gene", ["g0", "g1", "minus", "unknown"])
def test_a_look_up_gives_what_scoring_gives(world, pooled, folder, gene):
    variants = snvs(world, gene, [-400, -300, -1, 0, 57, 291])
    (scores,) = world.score(variants, scorer=scorer(world, pooled))
    with VariantMap(folder) as found:
        for number, variant in enumerate(variants):
            table = found.look_up("chr1", variant.pos, variant.ref, variant.alt)
            assert list(table["population"][:3]) == list(POPULATIONS)
            mine = values_of(table, gene)
            error = 0.5 * found._stores["1.zarr"]["scale"][:].max() + STEP
            assert np.abs(mine[:, 0] - scores.effect[number]).max() <= error
            assert np.abs(mine[:, 1] - scores.specificity[number]).max() <= 2 * error + 2 * STEP
            for column, p_values in ((2, scores.pooled_p_value), (3, scores.pooled_specificity_p_value)):
                ratio = mine[:, column] / p_values[number]
                assert (np.maximum(ratio, 1 / ratio) <= LOG_FACTOR * (1 + 1e-9)).all()
            assert mine[:, 5] == pytest.approx(scores.sign_agreement[number])


def test_a_base_in_reach_of_several_genes_has_rows_for_each(world, folder):
    with VariantMap(folder) as found:
        pos = 1500
        expected = [
            gene for gene, (tss, strand) in GENES.items() if -400 <= (pos - tss) * (1 if strand == "+" else -1) < 292
        ]
        table = found.look_up("1", pos, LETTERS[pos - 1], "A" if LETTERS[pos - 1] != "A" else "C")
        assert sorted(set(table["gene_id"])) == sorted(expected)
        assert len(expected) > 1
        assert {"+", "-"} == {GENES[gene][1] for gene in expected}


def test_what_is_not_in_reach_or_ambiguous_has_no_rows(folder):
    with VariantMap(folder) as found:
        assert found.look_up("1", 10, LETTERS[9], "A" if LETTERS[9] != "A" else "C").empty
        assert found.look_up("2", 1500, "A", "C").empty
        assert found.look_up("1", 4310, "A", "C").empty  # N
        assert list(found.region("1", 4300, 4340))[-1][1] == 4300
        assert len(set(found.region("1", 1500, 1501))) == 2 * 3 * len(POPULATIONS) * len(
            found.in_reach("1", 1500, 1501)
        )


def test_another_reference_base_is_an_error(folder):
    ref = "ACGT"["ACGT".index(LETTERS[1499]) - 1]
    with (
        VariantMap(folder) as found,
        pytest.raises(InputError, match=f"REF is {ref}, where the genome .* {LETTERS[1499]}"),
    ):
        found.look_up("1", 1500, ref, LETTERS[1499])
    with VariantMap(folder) as found, pytest.raises(InputError, match="one of A, C, G and T"):
        found.look_up("1", 1500, "A", "AT")


def mixture(world):
    """Substitutions, an insertion, a deletion, alleles out of reach, at an ambiguous base and of a gene without a map."""
    variants = snvs(world, "g1", [-200, 0, 3]) + snvs(world, "minus", [-20, 250])
    variants += [world.variant("g1", -199, 1, "GG", "insertion"), world.variant("g1", 50, 3, "A", "deletion")]
    return [*variants, world.variant("g2", 5, 2, "", "only"), *snvs(world, "g3", range(0, 20, 5))]


def test_scores_by_the_map_are_those_that_are_computed(world, pooled, folder):
    """Within the stated errors; what the map lacks is computed, and equal."""
    variants = sorted(mixture(world), key=lambda variant: variant.gene_id)
    computed = world.score(variants, scorer=scorer(world, pooled))
    by_map = list(
        score_with_map(
            MappedScorer(scorer(world, pooled), VariantMap(folder), True),
            lambda: variants,
            world.folder / "genome.fa",
        )
    )
    with VariantMap(folder) as found:
        found.gene("g1")
        error = 0.5 * found._stores["1.zarr"]["scale"][:].max() + STEP
    assert [gene.gene_id for gene in by_map] == [gene.gene_id for gene in computed]
    for one, other in zip(by_map, computed, strict=True):
        assert [allele.variant_id for allele in one.alleles] == [allele.variant_id for allele in other.alleles]
        assert (one.scorable == other.scorable).all()
        assert one.predicted_ref == pytest.approx(other.predicted_ref, abs=1e-12)
        assert (one.fold, one.chrom, one.gene_name) == (other.fold, other.chrom, other.gene_name)
        assert np.abs(one.effect - other.effect).max() <= error
        assert np.abs(one.specificity - other.specificity).max() <= 2 * error + 2 * STEP
        assert ((one.sd == 0) == (other.sd == 0)).all()
        factor = one.sd[one.sd > 0] / other.sd[one.sd > 0]
        assert (np.maximum(factor, 1 / factor) <= LOG_FACTOR * (1 + 1e-9)).all()
        assert one.sign_agreement == pytest.approx(other.sign_agreement)
        for name in ("pooled_p_value", "pooled_specificity_p_value"):
            ratio = getattr(one, name) / getattr(other, name)
            assert (np.maximum(ratio, 1 / ratio) <= LOG_FACTOR * (1 + 1e-9)).all()
        moving = [number for number, allele in enumerate(one.alleles) if not allele.is_substitution]
        assert (one.effect[moving] == other.effect[moving]).all()


def test_ranks_within_the_gene_are_those_that_are_computed(world, folder):
    """Among effects as they are quantised: effects that differ by less than a step are equal."""
    variants = sorted(mixture(world), key=lambda variant: variant.gene_id)
    computed = world.score(variants)
    mapped = MappedScorer(world.scorer, VariantMap(folder), False)
    for one, other in zip(score_with_map(mapped, lambda: variants, world.folder / "genome.fa"), computed, strict=True):
        assert np.isnan(one.pooled_p_value).all()
        assert np.abs(one.p_value - other.p_value).max() < 0.005
        assert np.abs(one.specificity_p_value - other.specificity_p_value).max() < 0.005
        assert np.abs(one.percentile - other.percentile).max() < 0.5
        moving = [number for number, allele in enumerate(one.alleles) if not allele.is_substitution]
        assert (one.p_value[moving] == other.p_value[moving]).all()


def test_alleles_that_networks_do_not_read_and_missing_genes_are_as_computed(world, pooled, folder, tmp_path):
    variants = [ScorableVariant("far", "1", 4990, LETTERS[4989], "ACGT"["ACGT".index(LETTERS[4989]) - 1], "g0")]
    (one,) = world.score(variants, scorer=scorer(world, pooled))
    mapped = MappedScorer(scorer(world, pooled), VariantMap(folder), True)
    (other,) = score_with_map(mapped, lambda: variants, world.folder / "genome.fa")
    assert list(one.rows("s")) == list(other.rows("s"))
    lacking = shutil.copytree(folder, tmp_path / "map")
    table = read_table(lacking / "genes.tsv")
    write_table(lacking / "genes.tsv", table[table["gene_id"] != "g1"])
    variants = snvs(world, "g1", [-5, 5])
    (one,) = world.score(variants, scorer=scorer(world, pooled))
    mapped = MappedScorer(scorer(world, pooled), VariantMap(lacking), True)
    (other,) = score_with_map(mapped, lambda: variants, world.folder / "genome.fa")
    assert list(one.rows("s")) == list(other.rows("s"))


def test_alleles_of_a_haplotype_are_computed(world, pooled, folder):
    variants = [
        world.variant("g1", at, 1, "ACGT"["ACGT".index(world.letter("g1", at)) - 1], f"v{at}", "1|0") for at in (3, 5)
    ]
    variants = [variant._replace(carriers="0") for variant in variants]
    mapped = MappedScorer(scorer(world, pooled), VariantMap(folder), True)
    (one,) = world.score(variants, True, scorer(world, pooled))
    (other,) = score_with_map(mapped, lambda: variants, world.folder / "genome.fa", True)
    assert list(one.rows("s")) == list(other.rows("s"))
    assert len(one.alleles) == 3


def test_a_map_of_something_else_is_refused(world, pooled, folder, tmp_path):
    other = World(tmp_path / "world", LETTERS, GENES)
    content = json.loads((other.folder / "model" / "model.json").read_text())
    (other.folder / "model" / "model.json").write_text(json.dumps(content | {"gene_pearson": {"g1": 0.5}}))
    with pytest.raises(InputError, match="a variant map of other networks than the model a"):
        MappedScorer(scorer(other, None), VariantMap(folder), False)
    (other.folder / "model" / "model.json").write_text(json.dumps(content | {"genome": "h"}))
    with pytest.raises(InputError, match=r"other genome than .* has \(g, not h\)"):
        MappedScorer(scorer(other, None), VariantMap(folder), False)
    with pytest.raises(InputError, match="no variant map"):
        VariantMap(world.folder)
    shutil.copytree(world.folder / "model", other.folder / "model", dirs_exist_ok=True)
    moved = World(tmp_path / "moved", LETTERS[3:] + "ACG", GENES)
    shutil.copytree(world.folder / "model", moved.folder / "model", dirs_exist_ok=True)
    mapped = MappedScorer(scorer(moved, None), VariantMap(folder), False)
    variants = snvs(moved, "g1", [5])
    with pytest.raises(InputError, match="another sequence of 'g1' than"):
        list(score_with_map(mapped, lambda: variants, moved.folder / "genome.fa"))


def gene_table(count, contig="1"):
    return pd.DataFrame(
        {"gene_id": [f"G{n:05}" for n in range(count)], "chrom": contig, "tss": np.arange(count) * 1000}
    )


def test_a_gene_more_or_less_changes_few_parts():
    genes = gene_table(1000)
    parts = [tuple(part["gene_id"]) for part in parts_of(genes, stores_of(genes["chrom"]), 40)]
    assert sum(map(len, parts)) == 1000
    assert max(map(len, parts)) <= 40
    assert len(parts) < 100
    for gone in (0, 500, 999):
        left = [tuple(part["gene_id"]) for part in parts_of(genes.drop(gone), stores_of(genes["chrom"]), 40)]
        assert len(set(left) - set(parts)) <= 3


def test_contigs_with_few_genes_share_a_store():
    """5,000 scaffolds of one gene, two chromosomes, and names that are no file names."""
    chrom = pd.Series(["chr1"] * 3000 + ["CHR1"] * 3000 + ["gi|2/../x"] * 100 + [f"s{n}" for n in range(5000)])
    stores = stores_of(chrom)
    assert stores["CHR1"] == "CHR1.zarr"
    assert stores["chr1"] == "chr1_2.zarr"
    assert stores["gi|2/../x"] == "gi_2_.._x.zarr"
    assert {stores[f"s{n}"] for n in range(5000)} == {"other.zarr"}
    assert stores_of(pd.Series(["other", "other"])) == {"other": "other_2.zarr"}


def test_parts_are_equal_byte_by_byte_and_are_features(world, tmp_path):
    genes = read_table(world.folder / "genes.tsv")
    one = write_parts(world.folder / "features.h5", genes, 4, tmp_path / "a")
    other = write_parts(world.folder / "features.h5", genes, 4, tmp_path / "b")
    assert [path.name for path in one] == [path.name for path in other]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, other, strict=True))
    whole, part = Features(world.folder / "features.h5"), Features(one[0])
    rows = whole.rows(part.gene_id)
    assert (whole.codes[rows] == part.codes).all()
    assert (whole.half_life[rows] == part.half_life).all()


def test_stores_are_zarr_that_says_what_it_is(folder):
    about = MapMetadata.read(folder)
    attributes = json.loads((folder / "1.zarr" / "zarr.json").read_text())["attributes"]
    assert attributes["populations"] == list(POPULATIONS)
    assert attributes["units"] == "log10 expression, alternative minus reference"
    assert attributes["reads"] == list(about.reads) == [-UPSTREAM, 292]
    assert json.loads((folder / "map.json").read_text())["largest_effect_error"] < 1e-4
    shards = list((folder / "1.zarr" / "effect" / "c").iterdir())
    assert len(shards) > 1
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_the_command_line(world, folder, run_cli, tmp_path):
    assert (
        run_cli(
            "query_map.py", "--map", folder, "--region", "chr1:1,500-1500", "--output", tmp_path / "region.tsv"
        ).returncode
        == 0
    )
    rows = list(csv.DictReader((tmp_path / "region.tsv").open(), delimiter="\t"))
    with VariantMap(folder) as found:
        assert len(rows) == 9 * len(found.in_reach("1", 1500, 1500))
    ref = LETTERS[1499]
    alts = [base for base in "ACGT" if base != ref]
    vcf = ["##fileformat=VCFv4.2", "##contig=<ID=1>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    vcf += [f"1\t1500\t.\t{ref}\t{alts[0]},{ref}A\t.\t.\t.", f"1\t10\t.\t{LETTERS[9]}\t{flipped(LETTERS[9])}\t.\t.\t."]
    (tmp_path / "some.vcf").write_text("\n".join(vcf) + "\n")
    done = run_cli("query_map.py", "--map", folder, "--variants", tmp_path / "some.vcf", "--output", tmp_path / "v.tsv")
    assert done.returncode == 0, done.stderr
    assert "1 variants found, 1 not in reach of a gene" in done.stderr + done.stdout
    assert "1 alleles are no single-nucleotide variants" in done.stderr + done.stdout
    of_file = list(csv.DictReader((tmp_path / "v.tsv").open(), delimiter="\t"))
    assert of_file == [row | {"chrom": "1"} for row in rows if row["alt"] == alts[0]]
    assert run_cli("query_map.py", "--map", folder, "--region", "x", "--output", tmp_path / "x.tsv").returncode == 1


def queried(folder, path, *rows):
    """What a table of variants finds in a map: contig, position, alleles and gene of each row, and the counts."""
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    counts = Counts()
    with VariantMap(folder) as found:
        return [row[:5] for row in file_rows(found, path, counts) if row[7] == POPULATIONS[0]], counts


def alternative(pos):
    return "ACGT"["ACGT".index(LETTERS[pos - 1]) - 1]


def test_alleles_of_a_file_are_read_as_for_scoring(folder, tmp_path):
    """In either order, or missing; and a variant with several associations is one."""
    ref, alt = LETTERS[999], alternative(1000)
    header = "chromosome", "base_pair_location", "effect_allele", "other_allele", "beta", "p_value"
    rows, counts = queried(folder, tmp_path / "t", header, (1, 1000, alt, ref, 1, 1), (1, 1000, ref, alt, 1, 1))
    assert rows == [("1", 1000, ref, alt, "g0")] * 2
    assert (counts.found, counts.references.turned, counts.references.mismatched) == (2, 1, 0)
    assert "1 alleles swapped: the genome has the effect allele" in "".join(counts.lines())
    header, every = ("chrom", "pos", "ref", "alt"), [base for base in "ACGT" if base != ref]
    rows, counts = queried(folder, tmp_path / "t", header, (1, 1000, "", alt), (1, 1000, ref, ""), (1, 1000, "", ref))
    assert [row[3] for row in rows] == [alt, *every] and {row[2] for row in rows} == {ref}
    assert (counts.found, counts.other) == (2, 1)
    rows, counts = queried(folder, tmp_path / "t", header, (1, 1000), (1, "", ref, alt), (1, 1000, ref, f"{ref}A"))
    assert (rows, counts.other) == ([], 1)
    assert counts.faults == {"fewer cells than the header: the row is truncated": 1, "no position": 1}
    assert "1 not looked up: no position" in list(counts.lines())
    header = "CHR_ID", "CHR_POS", "SNPS", "STRONGEST SNP-RISK ALLELE"
    rows, counts = queried(folder, tmp_path / "t", header, *[(1, 1000, "rs1", "rs1-A")] * 2, (1, 1000, "rs2", "rs2-AC"))
    assert [row[3] for row in rows] == every and (counts.found, counts.faults.total()) == (1, 1)


def test_contigs_of_a_file_are_named_as_for_scoring(folder, tmp_path):
    header, variant = ("chrom", "pos", "ref", "alt"), (1000, LETTERS[999], alternative(1000))
    rows, counts = queried(folder, tmp_path / "t", header, ("1.0", *variant), ("CHR1", *variant), ("23", *variant))
    assert [row[0] for row in rows] == ["1.0", "CHR1"] and (counts.found, counts.contigs) == (2, {"23": 1})
    assert "1 variants are on contigs on which the map has no gene: not looked up ('23')" in "".join(counts.lines())
    other = shutil.copytree(folder, tmp_path / "map")
    write_table(other / "genes.tsv", read_table(other / "genes.tsv").assign(chrom="chrX"))
    rows, counts = queried(other, tmp_path / "t", header, ("23.0", *variant), ("25", *variant), ("24", *variant))
    assert [row[0] for row in rows] == ["23.0", "25"] and (counts.found, counts.contigs) == (2, {"24": 1})


def test_a_variant_that_names_a_gene_is_looked_up_for_it_alone(folder, tmp_path):
    variant = 1, 1100, LETTERS[1099], alternative(1100)
    header = "chrom", "pos", "ref", "alt", "gene"
    rows, _ = queried(folder, tmp_path / "t", header, (*variant, ""))
    assert [row[4] for row in rows] == ["g0", "g1"]
    named = [(*variant, gene) for gene in ("g1", "name of g0", "g5", "absent")]
    rows, counts = queried(folder, tmp_path / "t", header, *named)
    assert [row[4] for row in rows] == ["g1", "g0"]
    assert (counts.found, counts.out_of_reach, counts.unknown_gene) == (2, 1, 1)
    assert "1 variants name a gene that the map does not have" in "".join(counts.lines())


def test_other_references_are_counted_up_to_the_share_that_scoring_allows(folder, tmp_path, run_cli):
    header = "chrom", "pos", "ref", "alt"
    good = [(1, pos, LETTERS[pos - 1], alternative(pos)) for pos in range(1000, 1010)]
    bad = [(1, pos, alternative(pos), LETTERS[pos - 1]) for pos in range(1010, 1016)]
    rows, counts = queried(folder, tmp_path / "t", header, *good, *bad[:5])
    assert len(rows) == 10 and (counts.references.checked, counts.references.mismatched) == (15, 5)
    assert "5 variants have another reference than the genome of the map" in "".join(counts.lines())
    expected = "6 of 16 alleles differs from the map .* alleles swapped: 6 of them match"
    with pytest.raises(InputError, match=expected):
        queried(folder, tmp_path / "t", header, *good, *bad)
    done = run_cli("query_map.py", "--map", folder, "--variants", tmp_path / "t", "--output", tmp_path / "out.tsv")
    assert done.returncode == 1 and "differs from the map" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out.tsv").exists()


def test_executables_make_the_same_map(world, pooled, folder, run_cli, tmp_path):
    pooled.write(tmp_path / "pooled_effects.h5")
    options = ["--features", world.folder / "features.h5", "--genes", world.folder / "genes.tsv"]
    assert run_cli("split_map.py", *options, "--genes_per_part", 4, "--outdir", tmp_path / "parts").returncode == 0
    made = []
    for part in sorted((tmp_path / "parts").glob("*.h5")):
        made.append(tmp_path / f"part_{part.stem}")
        options = ["--model", world.folder / "model", "--part", part, "--pooled", tmp_path / "pooled_effects.h5"]
        done = run_cli("map_variants.py", *options, "--genes_per_part", 4, "--device", "cpu", "--outdir", made[-1])
        assert done.returncode == 0, done.stderr
    assert run_cli("join_map.py", *made, "--outdir", tmp_path / "map").returncode == 0
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    assert files == [
        path.relative_to(tmp_path / "map") for path in sorted((tmp_path / "map").rglob("*")) if path.is_file()
    ]
    assert all((folder / path).read_bytes() == (tmp_path / "map" / path).read_bytes() for path in files)


def test_a_part_without_its_genes_is_refused(world, tmp_path):
    with h5py.File(world.folder / "features.h5") as file:
        assert "codes" in file
    with pytest.raises(InputError, match="none of the genes"):
        genes = read_table(world.folder / "genes.tsv").assign(gene_id="x")
        write_parts(world.folder / "features.h5", genes, 4, tmp_path)
