"""What main.nf runs once all is checked: recipes with the options of their training, models, windows and fold methods."""

from scxpresso.checks.recipes import Recipe
from scxpresso.expression.targets import further_targets
from scxpresso.genome.annotation import HALF_LIFE
from scxpresso.genome.gene_features import is_gene_feature
from scxpresso.networks.registry import NETWORKS, training_options
from scxpresso.store import BASELINES

SETTINGS = ["network", "ensemble", "upstream", "downstream", "gene_features", "targets", "training"]
WINDOW = ["window", "upstream", "downstream", "features", "gene_features"]


def run_plan(recipes: list[Recipe], models: list[dict], params: dict, tables: bool = False) -> dict:
    """Plan a run.

    Parameters: the recipes of a run that trains; else the contents of each model.json, in the order in which they were given;
    whether a genome has gene features.

    Returns `recipes` (see plan_recipe); `models` (see plan_model); `windows` that features are extracted for, the first of
    which has the genes and the baselines (the parameters' window in a run that trains); `widest`, the bases upstream and
    downstream in which variants are looked for; `fold_methods` of the recipes, the parameter's first; `motif_networks`,
    those that learn motifs; `evaluated_only`, recipes with further targets; `mapped_recipes` and `mapped`, recipes and ids
    of models that read sequence, which a variant map needs; `evaluation`, what evaluate.py is told: the fold method of each
    recipe and baseline. preflight.py adds to it `populations`, those that are the same, and to the plan `genes_per_part`, the
    most genes of a task of a map.
    """
    planned = [plan_recipe(recipe, params, tables) for recipe in recipes]
    extended = {_bases(model) for model in models if _reads_extended(model)}
    trained = [plan_model(model, _bases(model) in extended) for model in models]
    own = [] if models else [window(params["upstream"], params["downstream"], params["features"])]
    windows = own + [{name: one[name] for name in WINDOW} for one in planned + trained]
    used = trained or [one for one in planned if one["downstream_analyses"]] or own
    methods = sorted({one["fold_method"] for one in planned}, key=lambda name: (name != params["fold_method"], name))
    return {
        "recipes": planned,
        "models": trained,
        "windows": list({one["window"]: one for one in windows}.values()),
        "widest": {side: max(one[side] for one in used) for side in ("upstream", "downstream")},
        "fold_methods": methods,
        "mapped_recipes": [recipe.name for recipe in recipes if recipe.values["inputs"] != "half_life"],
        "mapped": [model_id(model) for model in models if model.get("inputs") != "half_life"],
        "evaluated_only": [recipe.name for recipe in recipes if further_targets(recipe.values["targets"])],
        "motif_networks": [name for name, entry in NETWORKS.items() if entry.motifs],
        "evaluation": {"recipes": [recipe_folds(one) for one in planned] + baseline_folds(methods)},
    }


def plan_recipe(recipe: Recipe, params: dict, tables: bool) -> dict:
    """A recipe as main.nf runs it. training: options of train_fold.py, of which only those that the network uses.

    Extended features hold the half-life features, so that recipes with either share what is extracted for a window. Gene
    features are in a file of their own, so that only recipes that read them are trained again after a change of the table.
    """
    values = recipe.values
    offered = params | values | {"annotation_features": values["features"]}
    training = {name: offered[name] for name in training_options(values["network"])}
    if values["features"] == "xpresso":  # which networks can read that have no such option, too
        training["annotation_features"] = "xpresso"
    named = {name: values[name] for name in ("recipe", "network", "fold_method", "ensemble", "atlases", "levels")}
    extracted = "half_life" if params["features"] == values["features"] == "half_life" else "extended"
    read = window(values["upstream"], values["downstream"], extracted, tables and recipe.reads_gene_features)
    further = {"targets": further_targets(values["targets"])}
    return named | read | further | {"downstream_analyses": recipe.analysed, "training": training}


def recipe_folds(planned: dict) -> dict:
    """The fold method of a recipe, and its other settings: recipes that differ in the method alone have the same."""
    settings = {name: planned[name] for name in SETTINGS}
    return {"recipe": planned["recipe"], "fold_method": planned["fold_method"], "settings": settings}


def baseline_folds(methods: list[str]) -> list[dict]:
    """The same, of the baselines on the folds of each method, the parameter's first."""
    return [
        {
            "recipe": baseline if method == methods[0] else f"{baseline}_{method}",
            "fold_method": method,
            "settings": {"network": baseline},
        }
        for method in methods
        for baseline in BASELINES
    ]


def plan_model(model: dict, extended: bool) -> dict:
    """A model of --models as main.nf uses it. extended: whether a model of its window reads extended features."""
    names = {name: model[name] for name in ("atlas", "level", "genome", "network", "recipe")}
    gene_features = any(map(is_gene_feature, model["annotation_features"]))
    return names | window(*_bases(model), "extended" if extended else "half_life", gene_features)


def window(upstream: int, downstream: int, features: str, gene_features: bool = False) -> dict:
    """What features of genes are extracted for. window: its name, which folders of results have.

    gene_features: whether those of the user are added, for genomes that have them.
    """
    name = f"{upstream}_{downstream}_{features}" + ("_gene_features" if gene_features else "")
    return dict(zip(WINDOW, (name, upstream, downstream, features, gene_features), strict=True))


def model_id(model: dict) -> str:
    """How main.nf names a model."""
    return f"{model['atlas']}.{model['level']}.{model['recipe']}"


def _reads_extended(model: dict) -> bool:
    return any(name not in HALF_LIFE and not is_gene_feature(name) for name in model["annotation_features"])


def _bases(model: dict) -> tuple[int, int]:
    return model["upstream"], model["downstream"]
