"""The report's sections on saturation and variants: from the files of a run to what the page holds and draws."""

import base64
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from planted_grammar import EFFECT_SCORES, PREDICTION_SCORES
from test_report import GENOME, HOSTILE, TEMPLATE, Page, make_run, page_of

from scxpresso.external_scores.comparison import CORRELATION_COLUMNS
from scxpresso.genome.sequence import encode
from scxpresso.motifs.changes import CHANGE_COLUMNS
from scxpresso.motifs.learned import LEARNED_COLUMNS
from scxpresso.motifs.matching import MOTIF_COLUMNS
from scxpresso.motifs.matrices import Motif, write_meme
from scxpresso.problems import InputError
from scxpresso.reporting import planted, report, saturation_figures, variant_figures, variant_tables
from scxpresso.reporting.data import read_run
from scxpresso.reporting.locus import Locus, overlapping
from scxpresso.saturation.effects_store import EffectsMetadata, rounded, write_effects
from scxpresso.saturation.profiles import PositionSums, profile
from scxpresso.store import read_table, write_json, write_table
from scxpresso.variants.score_table import SCORE_COLUMNS

UPSTREAM, DOWNSTREAM = 1200, 600
WINDOW = UPSTREAM + DOWNSTREAM
LEVEL = "type"
COUNTS = {
    "set": "gwas", "format": "GWAS Catalog TSV", "rows": 9, "variants": 8, "repeated": 1, "scorable": 4, "not_scorable": 2,
    "rejected": {"the allele is symbolic": 1}, "alleles": 5, "pairs": 6, "chunks": 1, "unphased_calls": 0,
}  # fmt: skip
PLACES = {"G000": ("chr1", "+", 50_001), "G001": ("chr1", "-", 80_000), "G002": ("chr2", "+", 9_000)}


def unpacked(packed: dict) -> np.ndarray:
    """What unpack() of packed.js makes of a packed vector."""
    codes = np.frombuffer(base64.b64decode(packed["codes"]), dtype="<u2")
    return np.where(codes == 65535, np.nan, packed["low"] + codes * packed["step"])


def make_effects(folder: Path, populations: list, label: str, genes=tuple(PLACES)) -> tuple[np.ndarray, np.ndarray]:
    """effects.h5 and positions.tsv of random effects, the largest near the TSS; (codes, effects) of the genes."""
    rng = np.random.default_rng(1)
    codes = encode("".join(rng.choice(list("ACGT"), len(genes) * WINDOW))).reshape(len(genes), WINDOW)
    codes[0, UPSTREAM - 5] = 15
    scale = 0.3 * np.exp(-np.abs(np.arange(WINDOW) - UPSTREAM) / 150)
    effects = rng.normal(size=(len(genes), WINDOW, 4, len(populations))) * scale[:, None, None]
    effects[codes[..., None] == encode("ACGT")] = 0
    effects = rounded(effects.astype(np.float32))
    about = EffectsMetadata(label, LEVEL, "scxpresso", "scxpresso", "hg", UPSTREAM, DOWNSTREAM, tuple(populations))
    sums = PositionSums(WINDOW, len(populations))
    folder.mkdir(parents=True)
    with write_effects(folder / "effects.h5", about, genes) as writer:
        for row in range(len(genes)):
            writer.write(row, 1, codes[row], np.linspace(0, 1, len(populations)), effects[row])
            sums.add(profile(effects[row], codes[row])[0])
        writer.write_sums(sums)
    write_table(folder / "positions.tsv", sums.table(populations, UPSTREAM))
    return codes, effects


def make_scores(populations: list, label: str, gwas: int = 12) -> pd.DataFrame:
    """Scores of `gwas` variants of two genes with all three substitutions; those of the first have the largest effects."""
    rng = np.random.default_rng(2)
    rows = []
    for number in range(gwas):
        gene = ("G000", "G001")[number % 2]
        chrom, strand, tss = PLACES[gene]
        distance = 40 * number - 300
        for place, alt in enumerate("CGT"):
            for k, population in enumerate(populations):
                q = 1e-4 * (number + 1) if k == 1 else 0.9
                pos = tss + distance * (1 if strand == "+" else -1)
                allele = ["gwas", label if number == 0 else f"rs{number}", chrom, pos, "A", alt, gene, gene, distance]
                effect = rng.normal(0, 0.1) if number or k != 1 else 0.9 - place / 10
                numbers = [1, 0.5, effect, 0.02, 0.6, 0.9, 99.0, q / 10, q / 20, q, 0.01, 0.5, 0.4, 0.2]
                said = [alt if alt == "C" else "", "-0.1", "1e-400", "" if number else "-ATGACGTGGC;+CTTTATAA"]
                reasons = "replicates disagree; gene badly predicted" if number else ""
                rows.append([*allele, population, *numbers, *said, reasons, "replicates_disagree,gene_badly_predicted"])
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def add_genome(folder: Path, label: str) -> dict:
    """Places of the genes, transcripts and cCREs; the manifest's entry."""
    genes = read_table(folder / "g/genes.tsv")
    places = [PLACES.get(gene, ("chr9", "+", 1000 * row)) for row, gene in enumerate(genes["gene_id"])]
    write_table(
        folder / "g/genes.tsv",
        genes.assign(**dict(zip(("chrom", "strand", "tss"), zip(*places, strict=True), strict=True))),
    )
    (folder / "g/transcripts.bed").write_text(
        "chr1\t50000\t50900\tG000\t0\t+\t50100\t50800\t0\t2\t200,400\t0,500\n"
        "chr1\t79000\t80000\tG001\t0\t-\t79000\t79900\t0\t1\t1000,\t0,\n"
        "chr1\t49000\t49500\tG002\t0\t-\t49000\t49500\t0\t1\t500\t0\n",
        encoding="utf-8",
    )
    with gzip.open(folder / "ccres.bed.gz", "wt", encoding="utf-8") as file:
        file.write(
            f"track name=x\nchr1\t49800\t50100\t{label}\nchr1\t1\t5\tfar\nchr3\t1\t5\telsewhere\n".replace("\nT", "T")
        )
    return {**GENOME, "transcripts": "g/transcripts.bed", "ccres": "ccres.bed.gz"}


def make_analyses(folder: Path, populations: list, label: str = "rs0", atlas: str = "atlas one") -> Path:
    """A small run with saturation (motifs included), a set of variants, motif changes and other tools' scores."""
    manifest = make_run(folder, {LEVEL: dict.fromkeys(populations, "all")}, label=atlas)
    make_effects(folder / "s", populations, atlas)
    numbers = (12, 9, 0.01, 0.002, 0.008, "raises", 1e-5)
    motifs = [(population, "M1", label, *numbers, 0.001 if k else 0.2, 3) for k, population in enumerate(populations)]
    write_table(folder / "s/motifs.tsv", pd.DataFrame(motifs, columns=MOTIF_COLUMNS))
    scores = make_scores(populations, label)
    write_table(folder / "scores.tsv.gz", scores)
    change = ("+", 49_698, 3.0, 9.5, 6.5, 1e-3, 1e-6)
    key = ["variant_id", "chrom", "pos", "ref", "alt", "gene_id"]
    write_table(
        folder / "changes.tsv.gz",
        pd.DataFrame(
            [(*scores.loc[0, key], "M1", label, *change), (*scores.loc[0, key], "M2", "two", *change)],
            columns=CHANGE_COLUMNS,
        ),
    )
    (folder / "motifs.jaspar").write_text(">M1 x\nA [10 0 0]\nC [0 10 0]\nG [0 0 5]\nT [0 0 5]\n")
    tracks = scores[[*key, "population", "effect"]].assign(
        model="Enformer", track=label, score=scores["effect"] * 7 + 1
    )
    columns = ["variant_id", "alt", "gene_id", "population", "effect", "model", "track", "score"]
    write_table(folder / "comparison.tsv", tracks[columns])
    correlations = [(population, "Enformer", label, 36, 0.9, 1e-4) for population in populations]
    write_table(folder / "correlations.tsv", pd.DataFrame(correlations, columns=CORRELATION_COLUMNS))
    rejected = [
        ("gwas", "x", "1", 1, "A", "C", reason)
        for reason in ("outside every window: found 'x'", "outside every window: found 'y'", label)
    ]
    write_table(
        folder / "rejected.tsv",
        pd.DataFrame(rejected, columns=["set", "variant_id", "chrom", "pos", "ref", "alt", "reason"]),
    )
    write_json(folder / "counts.json", COUNTS)
    content = json.loads(manifest.read_text())
    add_learned(folder, content["models"][0], populations, label)
    model = {"atlas": atlas, "level": LEVEL, "network": "scxpresso"}
    other = {
        "changes": "changes.tsv.gz",
        "comparison": "comparison.tsv",
        "correlations": "correlations.tsv",
    }
    content |= {
        "genomes": [add_genome(folder, label)],
        "saturation": [{**model, "path": "s", "motifs": "s/motifs.tsv"}],
        "motifs": "motifs.jaspar",
        "variants": [{"set": "gwas", **model, "path": "scores.tsv.gz", **other}],
        "sets": [{"set": "gwas", "counts": "counts.json", "rejected": "rejected.tsv"}],
    }
    write_json(manifest, content)
    return manifest


def add_learned(folder: Path, entry: dict, populations: list, label: str, name: str = "learned") -> None:
    """Learned motifs of a model, the entry of a manifest."""
    motifs = [
        Motif(
            "motif_1", "ATGACGTGGC", np.array([[17.0 * (base == own) + 1 for base in "ACGT"] for own in "ATGACGTGGC"])
        ),
        Motif("motif_2", "CTTTATAAN", np.array([[1.0 + 5 * (base == own) for base in "ACGT"] for own in "CTTTATAAG"])),
    ]
    rows = []
    for number, motif in enumerate(motifs):
        about = (motif.motif, motif.name, 15 - 12 * number, 15, -700, 99 - number, 1234)
        known = (("MA0018.4", label, 1e-7, 2e-5), ("MA0108.2", label, 0.004, 0.12))[number]
        rows += [
            (*about, population, 0.21 - 0.17 * (k + number), 0.03, *known) for k, population in enumerate(populations)
        ]
    write_table(folder / f"{name}.tsv", pd.DataFrame(rows, columns=LEARNED_COLUMNS))
    write_meme(folder / f"{name}.meme", motifs, np.full(4, 0.25))
    entry |= {"motifs": f"{name}.tsv", "motif_matrices": f"{name}.meme"}


def changed(manifest: Path, **values) -> Path:
    write_json(manifest, json.loads(manifest.read_text()) | values)
    return manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return make_analyses(tmp_path_factory.mktemp("analyses"), ["a", "b", "c"]).parent


@pytest.fixture(scope="module")
def page(folder) -> Page:
    return page_of(folder / "manifest.json")


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory) -> Page:
    folder = tmp_path_factory.mktemp("hostile")
    return page_of(make_analyses(folder, HOSTILE, label=HOSTILE[5], atlas=HOSTILE[0]))


def panels(page: Page) -> set:
    return {attributes["data-plot"] for _, attributes in page.tags if "data-plot" in attributes}


def links(page: Page) -> set:
    return {attributes.get("href") for tag, attributes in page.tags if tag == "a"}


@pytest.mark.slow
def test_sections_are_there_only_where_the_run_has_them(page, tmp_path):
    plain = page_of(make_run(tmp_path, {"type": {"A": "", "B": ""}}))
    assert {"#motifs", "#saturation", "#variants"} <= links(page) & links(plain)
    assert "No variants were scored" in plain.text and "No variants were scored" not in page.text
    new = {
        "learned-weights",
        "profile",
        "mean-profile",
        "positions",
        "motifs",
        "alleles",
        "variant-logo",
        "locus",
        "variant-map",
        "external",
    }
    assert new <= panels(page) and not new & panels(plain)
    assert "function alongWindow" not in plain.scripts[-1][1]


def test_every_panel_and_table_has_its_code(page):
    script = page.scripts[-1][1]
    for name in panels(page):
        assert f'"{name}"' in script or f" {name}" in script, name
    for _, attributes in page.tags:
        if "data-table" in attributes:
            assert f'table("{attributes["data-table"]}"' in script


def test_profile_is_that_of_the_effects(page, folder):
    (model,) = page.data["saturation"]
    assert model["total"] == 3 and model["populations"] == ["a", "b", "c"]
    with saturation_figures.open_effects(folder / "s") as effects:
        for gene, name in zip(model["genes"], ("G000", "G001", "G002"), strict=True):
            row = effects.row(name)
            wanted, base = profile(effects.effects(name), effects.codes[row])
            size = np.nan_to_num(np.abs(wanted)).max(axis=1)
            at = np.round(unpacked(gene["distances"])).astype(int) + UPSTREAM
            np.testing.assert_array_equal(at, np.flatnonzero(size >= 0.001))
            for k in range(3):
                np.testing.assert_allclose(unpacked(gene["effect"][k]), wanted[at, k], atol=2e-5)
                assert gene["alternatives"][k] == "".join("ACGT"[one] for one in base[at, k])
                minus_mean = -effects.effects(name)[at, :, k].sum(axis=1) / 3
                np.testing.assert_allclose(unpacked(gene["importance"][k]), minus_mean, atol=2e-5)
                bins = pd.Series(np.abs(wanted[:, k])).groupby((np.arange(WINDOW) - UPSTREAM) // 50).mean()
                np.testing.assert_allclose(unpacked(gene["bins"]["values"][k]), bins, atol=1e-4)
            assert gene["bases"][UPSTREAM - 5] == ("N" if name == "G000" else gene["bases"][UPSTREAM - 5])
            assert UPSTREAM - 5 not in at or name != "G000"
            assert gene["bins"]["first"] == -UPSTREAM and gene["omitted"] == 0


def test_mean_profile_is_positions_tsv(page, folder):
    mean = page.data["saturation"][0]["mean"]
    wide = read_table(folder / "s/positions.tsv").pivot(
        index="tss_distance", columns="population", values="mean_effect"
    )
    assert mean["step"] == 1 and mean["first"] == wide.index[0] and mean["genes"] == 3
    np.testing.assert_allclose(unpacked(mean["values"][1]), wide["b"], atol=1e-4)


def test_a_page_stays_small(folder, monkeypatch):
    monkeypatch.setattr(saturation_figures, "N_PROFILES", 2)
    monkeypatch.setattr(saturation_figures, "MAX_NUMBERS", 600)
    data = page_of(folder / "manifest.json").data
    (model,) = data["saturation"]
    assert [data["names"][gene["gene"]] for gene in model["genes"]] == ["atlas one", "G001"]  # of the variants
    for gene in model["genes"]:
        assert len(unpacked(gene["distances"])) == 100 and gene["omitted"] > 0
        assert 0 in np.round(np.abs(unpacked(gene["distances"])) // 300)
    assert model["mean"]["step"] == 9


def test_genes_of_the_largest_effects_are_shown(tmp_path):
    _, effects = make_effects(tmp_path / "s", ["a"], "x", genes=("p", "q", "r"))
    near = np.abs(effects[:, UPSTREAM - 500 : UPSTREAM + 501]).max(axis=(1, 2, 3))
    with saturation_figures.open_effects(tmp_path / "s") as read:
        assert saturation_figures.largest(read, 2, ()) == ["pqr"[i] for i in np.argsort(-near)[:2]]
        assert saturation_figures.largest(read, 2, ["r", "none"])[0] == "r"
        assert saturation_figures.largest(read, 9, ()) == ["p", "q", "r"]


def test_locus_has_what_lies_in_the_window(page):
    loci = {page.data["names"][locus["gene"]]: locus for locus in page.data["loci"]}
    forward, reverse = loci["atlas one"], loci["G001"]
    assert [page.data["names"][one["gene"]] for one in forward["transcripts"]] == ["atlas one", "G002"]
    own, other = forward["transcripts"]
    assert own["exons"] == [[0, 199], [500, 899]] and own["coding"] == [[100, 199], [500, 799]] and own["same_strand"]
    assert other["span"] == [-1000, -501] and not other["same_strand"]
    assert forward["ccres"] == [[-200, 99, "rs0"]]
    assert reverse["transcripts"][0]["span"] == [0, 999] and reverse["transcripts"][0]["coding"] == [[100, 999]]


@pytest.mark.parametrize(("strand", "wanted"), [("+", [-10, -1]), ("-", [1, 10])])
def test_distances_follow_the_strand(strand, wanted):
    assert Locus({"chrom": "c", "strand": strand, "tss": 101}, -50, 50).between(90, 100) == wanted


@pytest.mark.parametrize(("strand", "first", "last"), [("+", 50, 120), ("-", 80, 150)])
def test_features_overlap_a_locus_from_its_first_base_to_its_last(tmp_path, strand, first, last):
    """Positions are those of BED; the locus is bases 51 to 121 on the + strand (1-based), 81 to 151 on the other."""
    (tmp_path / "x.bed").write_text(
        f"track name=x\nchr1\t{first - 9}\t{first}\tbefore\nchr1\t{first}\t{first + 1}\tfirst\nchr1\t98\t99\tnear\n"
        f"CHR1\t{last}\t{last + 9}\tlast\n1\t{last + 1}\t{last + 9}\tbehind\nchr2\t0\t999\telsewhere\n"
    )
    locus = Locus({"chrom": "1", "strand": strand, "tss": 101}, -50, 20)
    none = Locus({"chrom": "7", "strand": strand, "tss": 101}, -50, 20)
    of_none, inside = overlapping(tmp_path / "x.bed", 3, [none, locus])
    assert of_none == [] and {fields[3] for fields in inside} == {"first", "near", "last"}
    assert locus.nearest(inside)[0] == ["chr1", "98", "99", "near"]
    assert overlapping(None, 3, [locus]) == [[]]
    before = Locus({"chrom": "1", "strand": "+", "tss": 5}, -50, 0)
    assert overlapping(tmp_path / "x.bed", 3, [before]) == [[]]


def test_contigs_that_are_numbers_are_no_sam(tmp_path):
    """With a number for a contig, a row of two BEDs looks like one of SAM to pybedtools."""
    transcript = "1\t80\t120\tt\t0\t+\t80\t120\t0\t1\t40,\t0,"
    (tmp_path / "x.bed").write_text(transcript + "\n")
    locus = Locus({"chrom": "1", "strand": "+", "tss": 101}, -50, 20)
    assert overlapping(tmp_path / "x.bed", 12, [locus]) == [[transcript.split("\t")]]


def test_a_file_that_is_no_bed_is_named(tmp_path):
    locus = Locus({"chrom": "1", "strand": "+", "tss": 101}, -50, 50)
    for text in ("chr1\t1\t2\nchr1\tone\t2\n", "chr1\t1\t2\nchr1 1 2\n"):
        (tmp_path / "x.bed").write_text(text)
        with pytest.raises(InputError, match=r"x\.bed: bedtools cannot read it"):
            overlapping(tmp_path / "x.bed", 3, [locus])
    (tmp_path / "x.bed").write_text("chr1\t99\t200\n")
    with pytest.raises(InputError, match=r"x\.bed: 3 columns"):
        overlapping(tmp_path / "x.bed", 12, [locus])


def test_motifs_by_population(page):
    (motif,) = page.data["saturation"][0]["motifs"]
    assert motif["motif"] == "M1" and motif["q_value"] == [0.2, 0.001, 0.001] and motif["hits"] == [12, 12, 12]


def test_learned_motifs_have_a_logo_and_weights(page):
    (plot,) = page.data["motifs"]
    assert plot["name"] == f"atlas one · {LEVEL} · scxpresso" and plot["total"] == 2
    site, other = plot["motifs"]
    assert (site["consensus"], site["networks"], site["total_networks"]) == ("ATGACGTGGC", 15, 15)
    assert (site["region_start"], site["region_end"], site["known_motif"]) == (-700, 99, "MA0018.4")
    assert len(site["heights"]) == 10 and np.argmax(site["heights"], axis=1).tolist() == [0, 3, 2, 0, 1, 2, 3, 2, 2, 1]
    assert site["weight"] == pytest.approx([0.21, 0.04, -0.13]) and other["networks"] == 3


def test_a_model_that_learned_no_motif_has_an_empty_section(tmp_path):
    manifest = make_run(tmp_path, {"type": {"A": "", "B": ""}})
    content = json.loads(manifest.read_text())
    write_table(tmp_path / "none.tsv", pd.DataFrame(columns=LEARNED_COLUMNS))
    content["models"][0] |= {"motifs": "none.tsv", "motif_matrices": "none.meme"}
    write_json(manifest, content)
    page = page_of(manifest)
    assert page.data["motifs"] == [] and "No motif was learned in this run." in page.text


def test_sets_are_counted(page):
    assert "variants scored 4" in page.text and "outside every window 2" in page.text
    assert "3 alleles could not be scored:" in page.text


def test_variants_are_listed_by_effect_among_the_significant(page):
    (plot,) = page.data["variants"]
    assert plot["rows"] == 108 and plot["significant"] == 36 and len(plot["first"]) == len(plot["variants"]) == 36
    assert [one["population"] for one in plot["first"]] == [1] * 36
    assert {one["variant"] for one in plot["variants"][:3]} == {"rs0"}
    sizes = [abs(one["effect"]) for one in plot["first"]]
    assert sizes == sorted(sizes, reverse=True)
    first = plot["first"][0]
    assert first["flag"] == "replicates_disagree,gene_badly_predicted" and first["percentile"] == 99.0
    assert (first["gwas_beta"], first["gwas_p_value"]) == ("-0.1", "1e-400")
    assert (first["sign_probability"], first["abstain"]) == (0.9, "")
    assert plot["first"][-1]["abstain"] == "replicates disagree; gene badly predicted"
    assert first["pooled_p_value"] == first["q_value"] / 20 and first["p_value"] == first["q_value"] / 10
    assert sorted(one["risk_allele"] for one in plot["first"][:3]) == ["", "", "C"]
    assert [page.data["names"][one["gene"]] for one in plot["genes"]] == ["atlas one", "G001"]


def test_scores_of_before_what_files_say_of_associations_are_read(folder, tmp_path):
    old = read_table(folder / "scores.tsv.gz").drop(
        columns=[*variant_tables.OPTIONAL, *variant_tables.ADDED_STATISTICS]
    )
    path = tmp_path / "old.tsv.gz"
    write_table(path, old)
    first, shown = variant_tables.all_populations(path, variant_tables.strongest(path)[-1])
    assert len(shown) == len(old) and (first[variant_tables.OPTIONAL] == "").all(axis=None)
    assert first[variant_tables.ADDED_STATISTICS].isna().all(axis=None)


@pytest.mark.parametrize("rows", [2, 100])
def test_significant_effects_come_first_by_size_and_then_the_others_by_q(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(variant_tables, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(variant_tables, "N_VARIANTS", 3)
    monkeypatch.setattr(variant_tables, "N_LISTED", 2)
    # name, population, effect, q, flag; q of what the network does not read is empty
    table = [
        ("unread", "a", 0, "", "not_scorable"), ("unread", "b", 0, "", "not_scorable,gene_badly_predicted"),
        ("rare", "a", 0.001, 1e-9, ""), ("rare", "b", -0.002, 0.04, ""), ("large", "a", 0.1, 0.2, ""),
        ("large", "b", -0.05, 0.049, ""), ("not", "a", 3, 0.051, ""), ("not", "b", 4, 0.06, ""), ("last", "a", 5, 1, ""),
        ("most", "a", -0.2, 0.01, "replicates_disagree"), ("most", "b", 0.3, 0.5, ""), ("last", "b", 0, 1, ""),
    ]  # fmt: skip
    key = dict.fromkeys(SCORE_COLUMNS, 1) | {"gene_id": "g"}
    scores = [
        key | {"variant_id": name, "population": population, "effect": effect, "q_value": q, "flag": flag}
        for name, population, effect, q, flag in table
    ]
    write_table(tmp_path / "scores.tsv", pd.DataFrame(scores))
    total, significant, not_scorable, best = variant_tables.strongest(tmp_path / "scores.tsv")
    assert (total, significant, not_scorable) == (12, 4, 2)
    assert best[["variant_id", "population"]].agg(" ".join, axis=1).tolist() == [
        "most a", "large b", "rare b", "not a", "last a",
    ]  # fmt: skip
    monkeypatch.setattr(variant_tables, "N_VARIANTS", 9)
    assert variant_tables.strongest(tmp_path / "scores.tsv")[3]["variant_id"].tolist()[-1] == "unread"


def test_a_set_of_which_the_network_reads_nothing_renders(tmp_path):
    manifest = make_analyses(tmp_path, ["a", "b"])
    scores = read_table(tmp_path / "scores.tsv.gz")
    nothing = {"effect": 0, "sd": 0, "percentile": 0, "p_value": 1, "q_value": np.nan, "flag": "not_scorable"}
    write_table(tmp_path / "scores.tsv.gz", scores.assign(**nothing))
    page = page_of(manifest)
    (plot,) = page.data["variants"]
    assert plot["not_scorable"] == plot["rows"] == 72 and plot["significant"] == 0
    assert {one["q_value"] for one in plot["first"]} == {None}
    assert all(np.isnan(unpacked(column)).all() for column in plot["log_q"])
    assert "outside the bases that this network reads" in page.text


def test_motifs_are_listed_by_difference_among_the_significant(tmp_path):
    numbers = [("m1", 0.3, 0.06), ("m2", -0.1, 0.01), ("m3", 0.01, 1e-9), ("m4", "", ""), ("m5", 0.5, 0.9)]
    rows = [("a", name, name, 5, 2, 0, 0, difference, "", q, q, 0) for name, difference, q in numbers]
    write_table(tmp_path / "motifs.tsv", pd.DataFrame(rows, columns=MOTIF_COLUMNS))
    found = saturation_figures.motif_effects(tmp_path / "motifs.tsv", ["a"])
    assert [one["motif"] for one in found] == ["m2", "m3", "m1", "m5", "m4"]


def test_vectors_of_variants_are_the_scores(page, folder):
    (plot,) = page.data["variants"]
    table = read_table(folder / "scores.tsv.gz").set_index(["variant_id", "alt", "population"])
    for k, population in enumerate(plot["populations"]):
        for name, column in (("effect", "effect"), ("sd", "sd"), ("log_q", "q_value")):
            wanted = [table.loc[(one["variant"], one["alt"], population), column] for one in plot["variants"]]
            wanted = np.log10(wanted) if name == "log_q" else wanted
            np.testing.assert_allclose(unpacked(plot[name][k]), wanted, atol=1e-4)


def test_others_of_the_same_genes_are_held_too(folder, monkeypatch):
    monkeypatch.setattr(variant_tables, "N_VARIANTS", 2)
    monkeypatch.setattr(variant_tables, "N_PER_LOCUS", 5)
    monkeypatch.setattr(variant_tables, "ROWS_AT_ONCE", 7)  # a variant's rows come in several parts
    data = page_of(folder / "manifest.json").data
    (plot,) = data["variants"]
    assert len(plot["first"]) == 2 and len(plot["variants"]) == 7
    assert {data["names"][one["gene"]] for one in plot["variants"]} == {"atlas one"}
    scores = read_table(folder / "scores.tsv.gz")
    size = (
        scores[scores["gene_id"] == "G000"]
        .assign(size=lambda table: table["effect"].abs())
        .groupby(["variant_id", "alt"])["size"]
        .max()
    )
    listed = plot["listed"]  # the other 34 of 36 alleles and genes, which the search finds
    assert {len(column) for column in listed.values()} == {34}
    sizes = np.abs(listed["effect"]).tolist()
    assert sizes == sorted(sizes, reverse=True) and max(listed["q_value"]) < 0.05  # those with q < 0.05 come by size
    assert not {*zip(listed["variant"], listed["alt"], strict=True)} & {
        (one["variant"], one["alt"]) for one in plot["variants"][:2]
    }
    shown = [(one["variant"], one["alt"]) for one in plot["variants"]]
    assert shown[2:] == list(size.drop(shown[:2]).nlargest(5).index)


def test_sequence_around_a_variant(page, folder):
    (plot,) = page.data["variants"]
    with saturation_figures.open_effects(folder / "s") as effects:
        for one, logo in zip(plot["variants"], plot["logos"], strict=True):
            at = one["distance"] + UPSTREAM
            gene = "G001" if one["variant"] in [f"rs{n}" for n in range(1, 12, 2)] else "G000"
            assert logo["first"] == one["distance"] - 25 and len(logo["bases"]) == 51
            wanted = -effects.effects(gene, at - 25, at + 26)[..., 1].sum(axis=1) / 3
            np.testing.assert_allclose(
                unpacked(logo["importance"]), np.where(np.array(list(logo["bases"])) == "N", 0, wanted), atol=1e-4
            )


@pytest.mark.parametrize("distance", [-UPSTREAM - 300, DOWNSTREAM + 30])
def test_a_variant_outside_of_the_models_window_has_no_logo(folder, distance):
    """Another model of the run has a wider window."""
    with saturation_figures.open_effects(folder / "s") as effects:
        row = {"gene_id": "G000", "population": effects.populations[0], "tss_distance": distance}
        assert variant_figures.logo(effects, row) is None
        assert variant_figures.logo(effects, row | {"tss_distance": DOWNSTREAM - 1}) is not None


def test_motifs_that_a_variant_changes(page):
    (plot,) = page.data["variants"]
    assert [(one["number"], one["motif"]) for one in plot["changes"]] == [
        (plot_number(plot, "rs0", "C"), name) for name in ("M1", "M2")
    ]
    (matrix,) = plot["motifs"]
    np.testing.assert_allclose(matrix["heights"], [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0.5, 0.5]])


def plot_number(plot: dict, variant: str, alt: str) -> int:
    return next(i for i, one in enumerate(plot["variants"]) if (one["variant"], one["alt"]) == (variant, alt))


def test_scores_of_other_tools_are_scaled(page, folder):
    (plot,) = page.data["variants"]
    other = plot["external"]
    assert other["tracks"] == [{"model": "Enformer", "track": "rs0"}] and other["omitted"] == 0
    table = read_table(folder / "comparison.tsv")
    score = table.drop_duplicates(["variant_id", "alt", "gene_id"]).set_index(["variant_id", "alt"])["score"]
    wanted = [
        (score[(plot["variants"][i]["variant"], plot["variants"][i]["alt"])] - table["score"].mean())
        / table["score"].std(ddof=0)
        for i in other["variants"]
    ]
    np.testing.assert_allclose(unpacked(other["theirs"][0]), wanted, atol=1e-3)
    assert all(abs(unpacked(column).mean()) < 1e-3 for column in other["ours"])
    assert len(other["correlations"]) == 3 and other["correlations"][0]["spearman"] == 0.9


def test_hostile_labels_are_text(page, hostile_page):
    assert {tag for tag, _ in hostile_page.tags} <= {tag for tag, _ in page.tags}
    assert hostile_page.count("script") == 3
    assert not [attributes for _, attributes in hostile_page.tags if any(name.startswith("on") for name in attributes)]
    (plot,) = hostile_page.data["variants"]
    shown = [label.replace("\n", "\\n") for label in HOSTILE]
    assert plot["populations"] == hostile_page.data["saturation"][0]["populations"] == shown
    assert HOSTILE[5] in {one["variant"] for one in plot["variants"]} and HOSTILE[5] in hostile_page.text


def test_scripts_put_no_label_into_markup():
    paths = list((TEMPLATE / "scripts").rglob("*.js"))
    assert paths
    for path in paths:
        script = path.read_text(encoding="utf-8")
        assert "innerHTML" not in script and "insertAdjacentHTML" not in script, path.name


def test_header_only_tables_render(tmp_path):
    manifest = make_analyses(tmp_path, ["a", "b"])
    for name in (
        "scores.tsv.gz",
        "changes.tsv.gz",
        "comparison.tsv",
        "correlations.tsv",
        "rejected.tsv",
        "s/motifs.tsv",
        "s/positions.tsv",
    ):
        write_table(tmp_path / name, pd.read_csv(tmp_path / name, sep="\t").iloc[:0])
    page = page_of(manifest)
    assert page.data["variants"][0]["variants"] == [] and page.data["saturation"][0]["motifs"] == []
    assert "Every allele could be scored." in page.text


@pytest.mark.slow
def test_variants_without_saturation_and_the_reverse(tmp_path):
    manifest = make_analyses(tmp_path, ["a", "b"])
    alone = page_of(changed(manifest, saturation=[]))
    (plot,) = alone.data["variants"]
    assert set(plot["logos"]) == {None} and "No gene was saturated" in alone.text
    assert {(locus["start"], locus["end"]) for locus in alone.data["loci"]} == {(-800, 640)}
    make_analyses(tmp_path / "again", ["a", "b"])
    without = page_of(changed(tmp_path / "again/manifest.json", variants=[]))
    assert "No variant was scored." in without.text and "Every allele" not in without.text
    assert "No variants were scored" in page_of(changed(tmp_path / "again/manifest.json", sets=[])).text


def test_a_model_from_elsewhere_renders(tmp_path):
    manifest = make_analyses(tmp_path, ["a", "b"])
    genome = {name: path for name, path in add_genome(tmp_path, "x").items() if name != "folds"}
    nothing = {"atlases": [], "models": [], "predictions": [], "evaluation": None, "genomes": [genome]}
    page = page_of(changed(manifest, **nothing))
    (plot,) = page.data["variants"]
    assert plot["parents"] == ["", ""] and page.data["loci"]
    write_json(tmp_path / "model.json", {"genome": "hg", "parents": {"a": "x", "b": "y"}})
    model = {"atlas": "atlas one", "level": LEVEL, "network": "scxpresso", "genome": "hg", "description": "model.json"}
    (plot,) = page_of(changed(manifest, models=[model])).data["variants"]
    assert plot["parents"] == ["x", "y"]


def test_haplotypes_and_genes_without_a_place_render(tmp_path):
    manifest = make_analyses(tmp_path, ["a", "b"])
    scores = read_table(tmp_path / "scores.tsv.gz").astype({"pos": str})
    scores.loc[:1, ["variant_id", "pos", "ref", "alt"]] = ["x+y", "1;9", "A;C", "T;G"]
    scores.loc[:1, ["gene_id", "q_value"]] = ["unknown", 0]
    write_table(tmp_path / "scores.tsv.gz", scores)
    (plot,) = page_of(manifest).data["variants"]
    assert plot["variants"][0]["pos"] == "1;9" and plot["genes"][0]["locus"] is None and plot["logos"][0] is None


def test_a_missing_file_or_column_is_named(tmp_path):
    manifest = make_analyses(tmp_path, ["a"])
    write_table(tmp_path / "scores.tsv.gz", read_table(tmp_path / "scores.tsv.gz").drop(columns="percentile"))
    with pytest.raises(InputError, match=r"scores\.tsv\.gz: no column 'percentile'"):
        report.write_report(manifest, TEMPLATE, tmp_path / "report.html")
    (tmp_path / "s/effects.h5").unlink()
    write_table(tmp_path / "scores.tsv.gz", make_scores(["a"], "rs0"))
    with pytest.raises(InputError, match=r"effects\.h5"):
        report.write_report(manifest, TEMPLATE, tmp_path / "report.html")


def test_networks_are_judged_by_what_they_found_in_simulated_genomes_of_the_same_size(tmp_path):
    scores = dict.fromkeys([*PREDICTION_SCORES, *EFFECT_SCORES], 0.75)
    sizes = [
        ("degenerate", 500, 100, "scxpresso", 0.5), ("degenerate", 2000, 100, "scxpresso", 0.25),
        ("exact", 500, 100, "scxpresso", 0.125), ("exact", 500, 5000, "scxpresso", 0.0),
        ("exact", 2000, 5000, "scxpresso", 0.875), ("exact", 500, 100, "grammar", 0.75),
    ]  # fmt: skip
    rows = [
        {"kind": kind, "genes": genes, "cells": cells, "seed": 1, "network": network} | scores | {"slope": slope}
        for kind, genes, cells, network, slope in sizes
    ]
    write_table(tmp_path / planted.TABLE, pd.DataFrame(rows))
    manifest = make_analyses(tmp_path, ["a", "b"])
    content = json.loads(manifest.read_text())
    genes = [f"G{number}" for number in range(2000)]  # of the genome, of which 900 are in the atlas
    described = {"fold_of_gene": dict.fromkeys(genes, 1), "gene_pearson": dict.fromkeys(genes[:900], 0.5)}
    write_json(tmp_path / "model.json", described)
    content["models"][0]["description"] = "model.json"
    write_json(manifest, content)
    run = read_run(manifest)
    found = planted.planted_view(run, tmp_path)
    # Of exact motifs every number of genes, with the cells nearest to the run's; of others the nearest to 900.
    assert [(row["kind"], row["genes"], row["slope"], row["nearest"]) for row in found] == [
        ("exact", 500, 0.125, True), ("exact", 2000, 0.875, False), ("degenerate", 500, 0.5, True),
    ]  # fmt: skip
    assert {row["own_genes"] for row in found} == {900}
    shutil.copytree(TEMPLATE, tmp_path / "template")
    shutil.copy(tmp_path / planted.TABLE, tmp_path / "template")
    text = page_of(manifest, tmp_path / "template").text
    assert "Which network's effects to believe" in text
    assert "scxpresso Its effects were far too small on a simulated genome with known effects (slope 0.125)" in text
