"""Recipes: the named ways to train that a run has, each with every parameter that its networks use.

A recipe comes from a row of --recipes, whose empty cells take the parameters' values; without the sheet, there is one recipe
per network of --network, named after it, and one of the promoter alone where the network's entry asks for it. Where a genome
has gene features, each network that reads them is also trained without them. plan.py makes of recipes what main.nf runs.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scxpresso.checks.findings import Findings, Row
from scxpresso.checks.params import network_names
from scxpresso.checks.sheets import Request, read_sheet
from scxpresso.expression.targets import MEAN, further_targets
from scxpresso.genome.folds import METHODS
from scxpresso.networks.registry import NETWORKS, TRAINING_OPTIONS, training_options
from scxpresso.problems import preview
from scxpresso.store import BASELINES
from scxpresso.text import did_you_mean

# Baselines, on the parameter's folds and on others: names that no recipe may have.
RESERVED = BASELINES + [f"{baseline}_{method}" for baseline in BASELINES for method in METHODS]
ANALYSES = ["saturate", "variants", "predict", "variant_map"]
# Columns that take the parameter of the same name, and those that have a default of their own.
PARAMETERS = [
    "inputs", "upstream", "downstream", "features", "fold_method", "replicates", "epochs", "batch_size", "learning_rate",
    "ensemble",
]  # fmt: skip
DEFAULTS = {
    "tasks": "multi", "targets": MEAN, "atlases": None, "levels": None, "downstream_analyses": "yes", "gene_features": "yes",
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A recipe and where it was named. values: columns of the sheet, none empty but atlases and levels (None: all)."""

    row: Row
    values: dict

    @property
    def name(self) -> str:
        """How files and tables name it."""
        return self.values["recipe"]

    @property
    def analysed(self) -> bool:
        """Whether its models are used in downstream analyses."""
        return self.values["downstream_analyses"] == "yes"

    @property
    def reads_gene_features(self) -> bool:
        """Whether its networks read the gene features of genomes that have them."""
        able = "gene_features" in NETWORKS[self.values["network"]].annotation
        return able and self.values["gene_features"] == "yes" and self.values["inputs"] != "sequence"

    def trains(self, atlas: str, level: str) -> bool:
        """Whether it trains a model of this atlas and level."""
        return all(
            self.values[column] is None or value in self.values[column]
            for column, value in (("atlases", atlas), ("levels", level))
        )


def read_recipes(
    request: Request, params: dict, schema: dict, findings: Findings, with_table: Sequence[str] = ()
) -> list[Recipe]:
    """The recipes of a run that trains; none with --models. Those with a problem of their own are left out.

    with_table: atlases whose genome has gene features.
    """
    if params["models"] is not None:
        if params["recipes"] is not None:
            findings.problem(
                "--recipes",
                "given beside --models, which trains nothing",
                "one of the two",
                "leave one of them out; the profile xpresso sets --recipes",
            )
        return []
    sheet = params["recipes"] is not None
    rows = read_sheet("recipes", "recipe", request, schema, findings) if sheet else network_recipes(params, with_table)
    first = {row.values["recipe"]: row for row in reversed(rows) if "recipe" in row.values}
    resolved = [resolve(row, params, findings) for row in rows if row in first.values()]
    recipes = [recipe for recipe in resolved if recipe]
    for recipe in recipes:
        check_recipe(recipe, findings)
    return recipes


def network_recipes(params: dict, with_table: Sequence[str]) -> list[Row]:
    """Rows as of a sheet: one per network, and one more on the promoter alone for networks whose entry asks for it.

    One more without gene features for networks that read them, if there are atlases with_table, and for these.
    """
    rows = []
    for name in dict.fromkeys(network_names(params)):
        values = {"recipe": name, "network": name}
        rows.append(Row("", {"network": name}, values))
        if name in NETWORKS and NETWORKS[name].promoter_ablation and params["inputs"] == "both":
            ablation = {"recipe": f"{name}_promoter", "inputs": "sequence", "downstream_analyses": "no"}
            rows.append(Row("", {"network": name}, values | ablation))
        able = name in NETWORKS and "gene_features" in NETWORKS[name].annotation
        if able and with_table and params["inputs"] != "sequence":
            ablation = {"recipe": f"{name}_no_gene_features", "gene_features": "no", "downstream_analyses": "no"}
            rows.append(Row("", {"network": name}, values | ablation | {"atlases": list(with_table)}))
    return rows


def resolve(row: Row, params: dict, findings: Findings) -> Recipe | None:
    """A row with its empty cells filled in; None, and a problem, where its network is not known."""
    names = network_names(params)
    if "network" not in row.values and len(names) > 1:
        findings.problem(
            row.at("network"), "an empty cell, and several networks in --network", "one network per recipe",
            f"write one of {preview(names)} into the cell",
        )  # fmt: skip
        return None
    network = row.values.get("network", names[0])
    if network not in NETWORKS:
        known = sorted(NETWORKS)
        findings.problem(
            row.at("network"), f"an unknown network {network!r}", f"one of {preview(known, 20)}",
            did_you_mean(network, known) or "name one of them",
        )  # fmt: skip
        return None
    values = DEFAULTS | {name: params[name] for name in PARAMETERS} | {"network": network} | row.values
    return Recipe(row, values)


def check_recipe(recipe: Recipe, findings: Findings) -> None:
    """A name that is free, a window that the network can read, and no cell that it does not use without a note."""
    row, values = recipe.row, recipe.values
    if recipe.name.lower() in RESERVED:
        findings.problem(
            row.at("recipe"), f"{recipe.name!r}, the name of a baseline", "another name",
            f"write {recipe.name + '_network'!r}, for instance",
        )  # fmt: skip
    network, window = NETWORKS[values["network"]], values["upstream"] + values["downstream"]
    if values["inputs"] != "half_life" and window < network.min_window:
        where = f"{row.place}, columns upstream and downstream" if row.place else "--upstream and --downstream"
        findings.problem(
            where, f"a window of {window:,} bases",
            f"at least {network.min_window} bases in all, which {values['network']} needs",
            "the paper uses 7,000 upstream and 3,500 downstream",
        )  # fmt: skip
    if further_targets(values["targets"]):
        check_targets(recipe, findings)
    unused = [name for name in TRAINING_OPTIONS if name not in network.options]
    if values["features"] != "xpresso" and "annotation_features" not in training_options(network.name):
        unused.append("features")
    if "gene_features" not in network.annotation:
        unused.append("gene_features")
    for column in [name for name in unused if row.place and name in row.text]:
        findings.note(row.at(column), f"not used: the network {values['network']} has no such option")


def check_targets(recipe: Recipe, findings: Findings) -> None:
    """Further targets share a network with the mean, and no downstream analysis uses such networks."""
    targets = recipe.values["targets"]
    if recipe.values["tasks"] == "single":
        findings.problem(
            recipe.row.at("targets"), f"{targets!r} beside single-task networks", "networks that targets share",
            "write multi into the column tasks, or leave the column targets empty",
        )  # fmt: skip
    if recipe.analysed:
        findings.problem(
            recipe.row.at("targets"), f"{targets!r} in a recipe with downstream analyses", "a recipe that is evaluated only",
            "write no into the column downstream_analyses, and add a row without targets for these analyses",
        )  # fmt: skip


def check_cells_of_targets(recipes: list[Recipe], atlases: list[Row], findings: Findings) -> None:
    """Bulk samples have no further targets."""
    bulk = [row.values.get("atlas", "") for row in atlases if row.values.get("protocol") == "bulk"]
    for recipe in recipes:
        named = [name for name in bulk if recipe.values["atlases"] is None or name in recipe.values["atlases"]]
        if named and further_targets(recipe.values["targets"]):
            findings.problem(
                recipe.row.at("targets"),
                f"{recipe.values['targets']!r} for bulk samples ({preview(named)}), which are no single cells",
                "single-cell atlases", "name them in the column atlases, or leave the column targets empty",
            )  # fmt: skip


def check_models(recipes: list[Recipe], atlases: list[Row], findings: Findings) -> None:
    """Atlases and levels that recipes name are in the sheet; every recipe trains a model; no two models have one name."""
    pairs = {
        (row.values["atlas"], level)
        for row in atlases
        for level in row.values.get("levels", ())
        if "atlas" in row.values
    }
    known = {"atlases": {atlas for atlas, _ in pairs}, "levels": {level for _, level in pairs}}
    if not pairs:
        return
    for recipe in recipes:
        unknown = [
            (column, name)
            for column, names in known.items()
            for name in recipe.values[column] or ()
            if name not in names
        ]
        for column, name in unknown:
            found = sorted(known[column])
            findings.problem(
                recipe.row.at(column), f"no {'atlas' if column == 'atlases' else 'level'} {name!r} in --input",
                f"one of {preview(found, 20)}", did_you_mean(name, found) or "name one of them, or leave the cell empty",
            )  # fmt: skip
        empty = any(
            recipe.values[column] == [] for column in known
        )  # its names were no names, which is a problem already
        if not unknown and not empty and not any(recipe.trains(*pair) for pair in pairs):
            findings.problem(
                recipe.row.at("levels"), "no model: none of its atlases has one of its levels",
                "a recipe that trains at least one model", "name other levels or atlases, or remove the row",
            )  # fmt: skip
    for atlas, level in sorted(pairs if recipes else ()):
        if not any(recipe.trains(atlas, level) for recipe in recipes):
            findings.note(f"atlas {atlas}", f"level {level}: no recipe trains it; baselines only")
    check_cells_of_targets(recipes, atlases, findings)
    check_files(recipes, pairs, findings)


def check_files(recipes: list[Recipe], pairs: set[tuple[str, str]], findings: Findings) -> None:
    """No two models, nor a model and a baseline or a table of motifs, share a file; case does not count in recipes."""
    models = [
        (f"{atlas}.{level}.", recipe.name)
        for recipe in recipes
        for atlas, level in pairs
        if recipe.trains(atlas, level) and recipe.name.lower() not in RESERVED
    ]
    times = Counter(level + name.lower() for level, name in models)
    taken = {f"{atlas}.{level}.{name}" for atlas, level in pairs for name in RESERVED} | {
        f"{one}.motifs" for one in times
    }
    if repeated := sorted(
        {level + name for level, name in models if times[level + name.lower()] > 1 or level + name.lower() in taken}
    ):
        findings.problem(
            "--recipes", f"several models or baselines of the same name <atlas>.<level>.<recipe>: {preview(repeated)}",
            "names that differ in more than case or '.motifs' at the end",
            "rename a recipe, a level or an atlas, or write '_' for a '.' in its name",
        )  # fmt: skip


def check_analysed(
    recipes: list[Recipe], models: list[dict], atlases: list[Row], rows: list[Row], params: dict, findings: Findings
) -> None:
    """Downstream analyses have a model; every set of variants and sample (rows) has one of its genome."""
    asked = [f"--{name}" for name in ANALYSES if params[name]]
    analysed = [recipe for recipe in recipes if recipe.analysed]
    if recipes and asked and not analysed:
        findings.problem(
            "--recipes", f"no recipe with downstream analyses, beside {', '.join(asked)}",
            "a recipe whose models they use", "write yes into a cell of the column downstream_analyses",
        )  # fmt: skip
        return
    genomes = {model["genome"] for model in models} | {
        row.values.get("genome")
        for row in atlases
        for level in row.values.get("levels", ())
        if any(recipe.trains(row.values.get("atlas", ""), level) for recipe in analysed)
    }
    for row in rows if genomes else ():
        if (name := row.values.get("genome")) and name not in genomes:
            found = f"the genome {name!r}, of which there is no model"
            findings.problem(
                row.at("genome"), found, f"one of {preview(sorted(filter(None, genomes)), 20)}", "name one"
            )
