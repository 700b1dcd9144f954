"""Measured effects of variants beside predicted ones: the table and sentences of --benchmark."""

import pandas as pd

from scxpresso.reporting.data import Run, load, model_name
from scxpresso.text import decimal, p_text, percent
from scxpresso.variants.benchmark import METRIC_COLUMNS

MAX_ROWS = 300  # of the table on the page; the files have all


def benchmark_view(run: Run) -> dict:
    """Collect the metrics of all benchmarks: `rows` of the table, pooled ones first, their `total`, and `sentences`."""
    rows, sentences = [], []
    for entry in run.manifest["variants"]:
        for path in entry.get("benchmarks", []):
            metrics = load(run.folder / path, METRIC_COLUMNS)
            for row in metrics.to_dict("records"):
                row["model"] = model_name(entry)
                rows.append(row)
                if not row["population"]:
                    sentences.append({"name": f"{row['benchmark']} · {row['model']}", "text": sentence(row)})
    rows.sort(key=lambda row: bool(row["population"]))  # pooled first; else as they are
    return {"rows": rows[:MAX_ROWS], "total": len(rows), "sentences": sentences}


def sentence(row: dict) -> str:
    """Say what a pooled row shows."""
    if not row["n"]:
        return "No measured effect has a predicted one."
    significant = "" if pd.isna(row["n_significant"]) else "significant "
    p_value = "" if pd.isna(row["sign_p_value"]) else f" (p = {p_text(row['sign_p_value'])})"
    signs = (
        f"{percent(row['sign_agreement'])} % of {significant}measured effects have the predicted sign{p_value}."
        if not pd.isna(row["sign_agreement"])
        else "No sign can be compared."
    )
    if pd.isna(row["auroc"]):
        return signs
    side = "above" if row["auroc"] > row["auroc_distance"] else "not above"
    text = (
        f"{signs} Predicted sizes tell significant effects from controls with an AUROC of {decimal(row['auroc'])}, {side} that "
        f"of the distance to the TSS alone ({decimal(row['auroc_distance'])})"
    )
    if pd.isna(row["auroc_matched"]):
        return f"{text}."
    return f"{text}; among variants at similar distances it is {decimal(row['auroc_matched'])}, where chance is 0.50."
