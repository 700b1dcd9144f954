"""The genes that are saturated, and the files that saturation leaves: by hand, joined from parts, and by the executables."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy
import scipy.sparse
import torch

from scxpresso.expression.atlas import Atlas
from scxpresso.expression.highly_variable import highly_variable_genes, sample_cells, sample_counts
from scxpresso.genome.feature_store import Features
from scxpresso.genome.sequence import ALTERNATIVE_CODES, N_CODE, encode
from scxpresso.networks.model import Model
from scxpresso.problems import InputError
from scxpresso.saturation.effects import BruteForce
from scxpresso.saturation.effects_store import Effects, EffectsMetadata, join_effects, rounded, write_effects
from scxpresso.saturation.joining import find_contrast, join_saturation
from scxpresso.saturation.profiles import (
    PROFILE_COLUMNS,
    Place,
    PositionSums,
    contrast,
    contrast_rows,
    packed,
    profile,
    profile_rows,
    write_rows,
)
from scxpresso.saturation.selection import (
    find_genes,
    read_gene_list,
    select_genes,
)
from scxpresso.store import read_table

POPULATIONS = ["NA", 'a "b"\tc;d']
ABOUT = EffectsMetadata("atlas", "level", "recipe", "network", "genome", 2, 3, tuple(POPULATIONS))
CODES = encode("ACNGT")


def effects_by_hand():
    """Window of five (the TSS at index 2) × ACGT × two populations."""
    effects = np.zeros((5, 4, 2), dtype=np.float32)
    effects[0, :, 0] = [0, 0.25, -0.5, 0.5]  # G and T as large: G is the first
    effects[0, :, 1] = [0, 0.125, 0, 0.002]
    effects[1, :, 0] = [-0.75, 0, 0, 0.0005]
    effects[1, :, 1] = [0, 0, 0, 0.5]
    effects[2] = 9  # ambiguous
    effects[3, 0] = [0.0005, -0.0004]
    return effects


def random_gene(seed, window=5, populations=2):
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([1, 2, 4, 8, N_CODE], dtype=np.uint8), window)
    effects = rng.normal(0, 0.01, (window, 4, populations)).astype(np.float32)
    effects[codes[:, None] == ALTERNATIVE_CODES] = 0
    return codes, rounded(effects)


def test_profile_by_hand():
    signed, base = profile(effects_by_hand(), CODES)
    nan = np.nan
    np.testing.assert_array_equal(
        signed, np.float32([[-0.5, 0.125], [-0.75, 0.5], [nan, nan], [0.0005, -0.0004], [0, 0]])
    )
    assert base[:2].tolist() == [[2, 1], [0, 3]]


def test_effects_of_version_0_1_are_of_the_recipe_that_is_named_after_the_network(tmp_path):
    with write_effects(tmp_path / "effects.h5", ABOUT, ["a"]) as writer:
        writer.write(0, 1, CODES, np.zeros(2), effects_by_hand())
    with Effects(tmp_path / "effects.h5") as stored:
        assert stored.about.recipe == "recipe"
    with h5py.File(tmp_path / "effects.h5", "a") as file:
        del file.attrs["recipe"]
    with Effects(tmp_path / "effects.h5") as stored:
        assert stored.about == ABOUT._replace(recipe="network")


def test_a_profile_is_the_largest_of_each_position():
    codes, effects = random_gene(1, 400, 22)
    signed, base = profile(effects, codes)
    unambiguous = codes != N_CODE
    np.testing.assert_array_equal(np.abs(signed[unambiguous]), np.abs(effects[unambiguous]).max(axis=1))
    np.testing.assert_array_equal(
        signed[unambiguous], np.take_along_axis(effects, base[:, None], axis=1)[unambiguous, 0]
    )
    assert np.isnan(signed[~unambiguous]).all()


def test_contrast_leaves_opposite_signs_out():
    first, second = np.float32([0.5, -0.5, 0.5, np.nan, 0, -0.25]), np.float32([0.25, -0.75, -0.5, 1, -0.5, 0])
    np.testing.assert_array_equal(contrast(first, second), np.float32([0.25, 0.25, np.nan, np.nan, 0.5, -0.25]))


def test_mean_profile_counts_only_genes_whose_base_is_unambiguous():
    sums = PositionSums(5, 2)
    for effects, codes in ((effects_by_hand(), CODES), (effects_by_hand() * 3, encode("NCNGT"))):
        sums.add(profile(effects, codes)[0])
    table = sums.table(POPULATIONS, 2)
    assert table["tss_distance"].tolist() == [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2]
    assert table["genes"].tolist() == [1, 1, 2, 2, 0, 0, 2, 2, 2, 2]
    np.testing.assert_allclose(
        table["mean_effect"], [0.5, 0.125, 1.5, 1, np.nan, np.nan, 0.001, 0.0008, 0, 0], rtol=1e-6
    )


@pytest.mark.parametrize(("strand", "pos"), [("+", [98, 98, 99, 99]), ("-", [102, 102, 101, 101])])
def test_rows_of_a_profile_read_back_whatever_the_labels(tmp_path, strand, pos):
    place = Place('g\t"1"', "NA", "chr 1", strand, 100)
    rows = profile_rows(place, CODES, 2, POPULATIONS, *profile(effects_by_hand(), CODES))
    write_rows(tmp_path / "profiles.tsv.gz", PROFILE_COLUMNS, [packed(""), packed(rows)])
    table = read_table(tmp_path / "profiles.tsv.gz")
    expected = {
        "gene_id": 'g\t"1"', "gene_name": "NA", "chrom": "chr 1", "pos": pos, "tss_distance": [-2, -2, -1, -1],
        "ref": list("AACC"), "population": POPULATIONS * 2, "alt": list("GCAT"), "effect": [-0.5, 0.125, -0.75, 0.5],
    }  # fmt: skip
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected))


def test_rows_of_a_contrast():
    signed, _ = profile(effects_by_hand(), CODES)
    place = Place("g", "name", "1", "-", 100)
    assert contrast_rows(place, 2, ("x", "y"), signed[:, 0], signed[:, 0] - 1) == "".join(
        f"g\tname\t1\t{pos}\t{away}\tx\ty\t{one:.4g}\t{one - 1:.4g}\t1\n"
        for pos, away, one in ((102, -2, -0.5), (101, -1, -0.75), (98, 2, 0))
    )


def test_effects_are_read_back_as_they_were_stored(tmp_path):
    genes = {name: random_gene(seed, 1201, 3) for seed, name in enumerate(["b", 'a "x"\t', "NA"])}
    about = ABOUT._replace(upstream=1000, downstream=201, populations=("x", "y", "z"))
    with write_effects(tmp_path / "effects.h5", about, list(genes)) as writer:
        for row, (codes, effects) in reversed(list(enumerate(genes.values()))):
            writer.write(row, row, codes, np.arange(3) + row, effects)
    with Effects(tmp_path / "effects.h5") as stored:
        assert stored.about == about and stored.gene_id == list(genes) and stored.fold.tolist() == [0, 1, 2]
        assert stored.populations == ["x", "y", "z"] and stored.upstream == 1000
        for row, (name, (codes, effects)) in enumerate(genes.items()):
            np.testing.assert_array_equal(stored.effects(name), effects)
            np.testing.assert_array_equal(stored.effects(name, 480, 510), effects[480:510])
            np.testing.assert_array_equal(stored.codes[row], codes)
            assert stored.predicted[row].tolist() == [row, row + 1, row + 2]
        with pytest.raises(InputError, match=r"no gene 'na'[\s\S]*did you mean 'NA'"):
            stored.effects("na")
    with pytest.raises(ZeroDivisionError), write_effects(tmp_path / "half.h5", about, ["a"]):
        _ = 1 / 0
    assert [path.name for path in tmp_path.iterdir()] == ["effects.h5"]


def test_stored_effects_are_near_the_computed_ones():
    effects = np.random.default_rng(1).normal(0, 0.01, 1000).astype(np.float32)
    assert np.abs(rounded(effects) - effects).max() <= 2**-21
    assert not np.signbit(rounded(np.float32([-1e-9]))).any()


@pytest.fixture
def make_part(tmp_path, gene_frame):
    """Write the folder of a part, of random effects that a gene's id decides."""

    def make(name, ids, about=ABOUT):
        folder, sums, members = tmp_path / name, PositionSums(about.window, len(about.populations)), []
        with write_effects(folder / "effects.h5", about, ids) as writer:
            for row, gene in enumerate(ids):
                codes, effects = random_gene(sum(gene.encode()), about.window, len(about.populations))
                signed, base = profile(effects, codes)
                sums.add(signed)
                place = Place.of(gene_frame([gene]))[gene]
                members.append(packed(profile_rows(place, codes, about.upstream, about.populations, signed, base)))
                writer.write(row, 1, codes, np.zeros(len(about.populations)), effects)
            writer.write_sums(sums)
        write_rows(folder / "profiles.tsv.gz", PROFILE_COLUMNS, members)
        return folder

    return make


def test_parts_joined_are_the_whole(tmp_path, gene_frame, make_part):
    genes = [f"g{number}" for number in range(9)]
    about = ABOUT._replace(upstream=700, downstream=400)
    table = gene_frame(genes)
    whole = join_of(tmp_path / "whole", [make_part("one", genes, about)], table)
    cut = [make_part("part 3", genes[6:8], about), make_part("part 1", genes[:4], about)]
    joined = join_of(tmp_path / "joined", [*cut, make_part("part 2", genes[4:6], about)], table)
    assert joined["effects.h5"]["gene_id"] == genes[:8] and whole["effects.h5"]["gene_id"] == genes
    for name in ("codes", "effects", "fold"):
        np.testing.assert_array_equal(joined["effects.h5"][name], whole["effects.h5"][name][:8])
    for name in ("profiles.tsv.gz", "contrasts.tsv.gz"):
        expected = whole[name][whole[name]["gene_id"] != "g8"].reset_index(drop=True)
        assert len(expected) > 1000
        pd.testing.assert_frame_equal(joined[name], expected)
    eight = join_of(tmp_path / "eight", [make_part("first eight", genes[:8], about)], table)
    assert (tmp_path / "eight/positions.tsv").read_bytes() == (tmp_path / "joined/positions.tsv").read_bytes()
    assert eight["positions.tsv"]["genes"].max() == 8


def join_of(outdir, parts, genes):
    """All that join_saturation writes, read."""
    join_saturation(parts, genes, [";".join(POPULATIONS)], outdir)
    tables = {path.name: read_table(path) for path in outdir.glob("*.tsv*")}
    with h5py.File(outdir / "effects.h5") as file:
        effects = {name: dataset[:] for name, dataset in file.items()}
    effects["gene_id"] = [name.decode() for name in effects["gene_id"]]
    return tables | {"effects.h5": effects}


def test_parts_that_do_not_belong_together_are_errors(tmp_path, gene_frame, make_part):
    one = make_part("one", ["a", "b"]) / "effects.h5"
    other = make_part("other", ["b"]) / "effects.h5"
    foreign = make_part("foreign", ["c"], ABOUT._replace(level="another")) / "effects.h5"
    with pytest.raises(InputError) as error:
        join_effects(tmp_path / "x.h5", [one, other, foreign], ["a"])
    assert [problem.found.split(":")[0] for problem in error.value.problems] == [
        "effects of another model", "genes in more than one", "none of 'b'",
    ]  # fmt: skip
    (tmp_path / "other" / "profiles.tsv.gz").write_bytes(b"profiles")
    with pytest.raises(InputError, match="no table of"):
        join_saturation([tmp_path / "other"], gene_frame(["a", "b"]), [], tmp_path / "joined")
    with pytest.raises(InputError, match=r"no effects\.h5"):
        Effects(tmp_path / "other" / "profiles.tsv.gz")


def test_a_contrast_names_two_populations_whatever_is_in_their_names():
    populations = ["a", "b;c", "b", "c", "a;b"]
    assert find_contrast("a; b", populations) == (0, 2)
    assert find_contrast("b;c;c", populations) == (1, 3)
    with pytest.raises(InputError, match="two ways"):
        find_contrast("a;b;c", populations)
    for wrong in ("a", "a;a", "a;x", ";"):
        assert find_contrast(wrong, populations) is None


def test_genes_are_found_by_id_version_or_name(tmp_path, gene_frame):
    genes = gene_frame(["ENSG2.5", "ENSG1.2", "all", "x"], gene_name=["BRCA", "MYC", "twin", "twin"])
    assert set(find_genes(genes, ["MYC", "ENSG1", "ENSG1.2", "ENSG2.7"])) == {"ENSG1.2", "ENSG2.5"}
    assert select_genes(genes, "MYC, BRCA") == ["ENSG2.5", "ENSG1.2"]
    assert select_genes(genes, "all") == list(genes["gene_id"])
    assert select_genes(genes, None, ["all"]) == ["all"]  # in a list a gene may be called so
    assert select_genes(genes, "hvg:2,MYC", variable=lambda number: ["x"] * number) == ["ENSG1.2", "x"]
    (tmp_path / "list.txt").write_bytes("\ufeff# mine\r\nMYC\r\n\r\n  x \r\n".encode())
    assert read_gene_list(tmp_path / "list.txt") == ["MYC", "x"]


def test_unknown_genes_are_named_at_once_with_what_is_near(gene_frame):
    genes = gene_frame(["G1", "G2", "G3"], gene_name=["CACNA1I", "twin", "twin"])
    with pytest.raises(InputError) as error:
        select_genes(genes, "cacna1-i,twin,G1,zzzzzz")
    (problem,) = error.value.problems
    assert "'cacna1-i', 'twin', 'zzzzzz'" in problem.found
    assert problem.fix == "'cacna1-i': did you mean 'CACNA1I'?; 'twin': it is the name of 'G2', 'G3'"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("hvg:", "'hvg:'"),
        ("hvg:0", "'hvg:0'"),
        ("hvg:2k", "'hvg:2k'"),
        ("hvg:5", "without an atlas"),
        (" ,", "no gene"),
    ],
)
def test_a_selection_that_selects_nothing_is_an_error(gene_frame, spec, message):
    with pytest.raises(InputError, match=message):
        select_genes(gene_frame(["G1"]), spec)


def in_memory(data, kept, number):
    """What scanpy finds with the whole atlas in memory."""
    scanpy.pp.normalize_total(data, target_sum=1e4)
    scanpy.pp.log1p(data)
    data = data[:, kept].copy()
    scanpy.pp.highly_variable_genes(data, n_top_genes=number)
    return set(data.var_names[data.var["highly_variable"]])


@pytest.mark.slow
def test_highly_variable_genes_are_those_of_scanpy_in_memory(demo, demo_genome):
    genes = read_table(demo_genome / "genes.tsv")
    data = anndata.read_h5ad(demo / "atlas.h5ad")
    with Atlas(demo / "atlas.h5ad") as atlas:
        found = highly_variable_genes(atlas, genes, 300, seed=1)
    assert set(found) == in_memory(data, data.var_names.isin(genes["gene_id"]), 300) and len(found) == 300


@pytest.mark.parametrize("layout", [scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, np.asarray])
def test_a_sample_of_cells_from_every_layout(tmp_path, monkeypatch, gene_frame, layout):
    counts = np.random.default_rng(1).poisson(0.5, size=(230, 17)).astype(np.int32)
    names = [f"G{number}" for number in range(16)]
    data = anndata.AnnData(layout(counts), var=pd.DataFrame(index=[*names, "ERCC-1"]))
    data.write_h5ad(tmp_path / "a.h5ad")
    chunks = Atlas.chunks
    monkeypatch.setattr(Atlas, "chunks", lambda atlas: chunks(atlas, values=500))
    with Atlas(tmp_path / "a.h5ad") as atlas:
        sample = sample_counts(atlas, sample_cells(atlas, 3, n_cells=100)).toarray()
        rows = np.sort(np.random.default_rng(3).choice(230, 100, replace=False))
        np.testing.assert_array_equal(sample, counts[rows])
        messages = []
        found = highly_variable_genes(atlas, gene_frame(names[:14]), 5, 1, messages.append)
        everything = highly_variable_genes(atlas, gene_frame(names[:14]), 99, 1, messages.append)
    dense = anndata.AnnData(counts[:, :16].astype(np.float32), var=pd.DataFrame(index=names))
    assert set(found) == in_memory(dense, slice(0, 14), 5)
    assert set(everything) == set(names[:14]) and "all of them are selected" in messages[-1]


@pytest.mark.slow
def test_executables_from_selection_to_joined_files(tmp_path, run_cli, demo_genome, tiny_model):
    genes = read_table(demo_genome / "genes.tsv")
    wanted = [genes["gene_id"].iloc[row] for row in (3, 10, -1)]  # the last is absent from training
    common = ["--genes", demo_genome / "genes.tsv"]
    (tmp_path / "list.txt").write_text("\n".join(wanted[1:]))
    made = run_cli(
        "select_genes.py", *common, "--select", ",".join(wanted[:1]), "--list", tmp_path / "list.txt",
        "--genes_per_chunk", 2, "--outdir", tmp_path / "chunks",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "chunks/1.txt").read_text().split("\n") == [*wanted[:2], ""]
    assert (tmp_path / "chunks/2.txt").read_text().split("\n") == [wanted[2], ""]

    for number in (1, 2):
        made = run_cli(
            "saturate.py", *common, "--model", tiny_model / "scxpresso", "--features", demo_genome / "features.h5",
            "--chunk", tmp_path / f"chunks/{number}.txt", "--outdir", tmp_path / f"part_{number}",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
    model, features = Model(tiny_model / "scxpresso"), Features(demo_genome / "features.h5")
    label = model.populations[1]
    made = run_cli(
        "join_saturation.py", *common, "--contrast", f"NA;{label}", "--outdir", tmp_path / "joined",
        tmp_path / "part_2", tmp_path / "part_1",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr

    tables = {name: read_table(tmp_path / "joined" / f"{name}.tsv.gz") for name in ("profiles", "contrasts")}
    assert list(dict.fromkeys(tables["profiles"]["gene_id"])) == wanted
    assert set(tables["contrasts"]["other_population"]) <= {label}
    with Effects(tmp_path / "joined/effects.h5") as stored:
        assert stored.gene_id == wanted and stored.fold.tolist() == [2, 1, 0]
        row = features.rows([wanted[2]])
        annotation = features.annotation(row, model.annotation_features)[0]
        reference, effects = BruteForce(model.networks(None), torch.device("cpu")).effects(
            features.codes[row[0]], annotation, 990, 1010
        )
        np.testing.assert_allclose(stored.effects(wanted[2], 990, 1010), effects.mean(axis=0), atol=2e-6)
        np.testing.assert_allclose(stored.predicted[2], reference.mean(axis=0), atol=1e-5)
        # A row of the table is what the file says of that base.
        place = genes.set_index("gene_id").loc[wanted[0]]
        shown = tables["profiles"][tables["profiles"]["gene_id"] == wanted[0]].iloc[7]
        index = int(shown["tss_distance"]) + 1000
        assert shown["pos"] == place["tss"] + (1 if place["strand"] == "+" else -1) * shown["tss_distance"]
        assert encode(shown["ref"])[0] == features.codes[features.rows([wanted[0]])[0], index]
        population = stored.populations.index(shown["population"])
        found = stored.effects(wanted[0], index, index + 1)[0, "ACGT".index(shown["alt"]), population]
        assert shown["effect"] == pytest.approx(found, rel=1e-3) and abs(found) >= 0.001


@pytest.mark.slow
def test_saturate_names_genes_that_are_not_there(tmp_path, run_cli, demo_genome, tiny_model):
    (tmp_path / "chunk.txt").write_text("PF3D7_nothing\n")
    failed = run_cli(
        "saturate.py", "--genes", demo_genome / "genes.tsv", "--model", tiny_model / "scxpresso",
        "--features", demo_genome / "features.h5", "--chunk", tmp_path / "chunk.txt", "--outdir", tmp_path / "out",
    )  # fmt: skip
    assert failed.returncode == 1 and "none of 'PF3D7_nothing'" in failed.stderr and "Traceback" not in failed.stderr
    assert not (tmp_path / "out").exists()


def test_features_of_another_window_are_an_error(tmp_path, demo_genome, tiny_model):
    model, features = Model(tiny_model / "hybrid"), Features(demo_genome / "features.h5")
    model.upstream = 7000
    with pytest.raises(InputError, match="--upstream 7000 --downstream 500"):
        model.check_window(features.upstream, features.downstream)
