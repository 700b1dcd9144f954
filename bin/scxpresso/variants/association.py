"""Associations with a trait in a file of variants: beta and p-value of an allele. Missing values stay missing."""

import math

MISSING = frozenset(("", ".", "NA", "#NA", "N/A", "NAN", "NULL", "NONE"))  # cells without a value, in upper case
ASSOCIATION = ["beta", "odds_ratio", "p_value", "log_p_value"]


def beta_of(row: dict[str, str]) -> str:
    """Return the effect on the trait, or the natural logarithm of an odds ratio; '' if the file has neither."""
    beta = _with_point(row.get("beta", ""))
    if beta.upper() not in MISSING:
        return beta if _number(beta) is not None else ""
    ratio = _number(row.get("odds_ratio", ""))
    return f"{math.log(ratio):.6g}" if ratio and ratio > 0 else ""


def of_allele(alt: str, beta: str, effect: str, ref: str) -> str:
    """Convert the effect allele's beta to that of `alt`; '' if the effect allele is neither of the two."""
    return beta if effect == alt else turned(beta) if effect == ref else ""


def turned(beta: str) -> str:
    """Return the beta of the other allele."""
    return beta and (beta[1:] if beta[0] == "-" else "-" + beta.removeprefix("+"))


def p_value_of(row: dict[str, str]) -> str:
    """Return the p-value, as the file has it or from its negative log10; '' if there is none.

    A p-value of 0 is one that was too small to be written: the logarithm goes before it.
    """
    p_value, logarithm = _with_point(row.get("p_value", "")), _number(row.get("log_p_value", ""))
    number = _number(p_value)
    if number or (number is not None and not logarithm):
        return p_value
    if logarithm is None:
        return ""
    exponent = math.floor(-logarithm)  # kept apart, because small p-values are below the smallest float
    return f"{10 ** (-logarithm - exponent):.4g}e{exponent}"


def _with_point(text: str) -> str:
    """Write a decimal comma, as in 0,5, as a point. None of these numbers is large enough for commas between thousands."""
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text


def _number(text: str) -> float | None:
    try:
        number = float(_with_point(text))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
