"""Data of the figure on specificity: does a model predict in which population a gene is high?"""

from scxpresso.reporting.data import Run, metric
from scxpresso.reporting.figures import significant


def specificity_plots(run: Run) -> list[dict]:
    """Build for each level of several populations: specificity of every recipe and baseline, mean and s.d. over folds."""
    plots = []
    for level in run.levels:
        if len(level.labels) < 2:
            continue
        values = {level.label(recipe): metric(run, level, recipe, "specificity") for recipe in level.recipes}
        known = {recipe: numbers for recipe, numbers in values.items() if numbers[0] == numbers[0]}
        if known:
            plots.append(
                {
                    "name": level.name,
                    "populations": len(level.labels),
                    "recipes": [
                        {"recipe": recipe, **dict(zip(("value", "sd"), significant(numbers[:2]), strict=True))}
                        for recipe, numbers in known.items()
                    ],
                }
            )
    return plots
