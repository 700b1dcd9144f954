"""Conditions on obs, such as `is_primary_data & tissue == "lung"`: pandas' query syntax, of which no code is run.

The text is parsed by Python's grammar. Only comparisons, `and`, `or`, `not` (`&`, `|`, `~`), `in`, names of columns and
literals are evaluated, by the functions here.
"""

import ast
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from scxpresso.expression.annotations import as_numbers
from scxpresso.problems import InputError, Problem, preview
from scxpresso.text import did_you_mean

WHERE = "column cells"
EXPECTED = "a condition on columns of obs, such as: is_primary_data & tissue in ['lung', 'heart'] & n_genes > 500"
MAX_LENGTH = 2000  # characters
COMPARISONS: dict[type[ast.cmpop], Callable] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
# Strings and quoted names are kept as they are; & and | bind less than comparisons, as in pandas.
TOKEN = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|`([^`]*)`|(&&?|\|\|?)""")


def passing_cells(obs: pd.DataFrame, condition: str) -> np.ndarray:
    """Find the cells that meet a condition.

    Comparisons with a missing value are false, but those with `!=` and `not in`.

    Raises
    ------
    InputError, for a condition that cannot be parsed, that names no column of obs or a value that no cell has, or that no
    cell meets.
    """
    try:
        evaluated = _Evaluation(obs, condition)
        mask = evaluated.boolean(evaluated.tree)
    except RecursionError:
        raise _problem("a condition in too many brackets", EXPECTED, "write it with fewer brackets") from None
    if not mask.any():
        raise _problem("no cell meets the condition", "a condition that some cells meet", "relax the condition")
    return mask


class _Evaluation:
    """A condition over the rows of obs."""

    def __init__(self, obs: pd.DataFrame, condition: str):
        self.obs = obs
        self.quoted: dict[str, str] = {}
        if len(condition) > MAX_LENGTH:
            raise _problem(f"{len(condition):,} characters", f"at most {MAX_LENGTH:,}", "shorten the condition")
        try:
            self.tree = ast.parse(TOKEN.sub(self._python, condition).strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else "too deep"
            raise _problem(
                f"{condition!r} cannot be parsed ({reason})", EXPECTED, "check brackets and quotation marks"
            ) from None

    def _python(self, token: re.Match) -> str:
        """Rewrite a token of pandas' query syntax to Python's."""
        text, quoted, sign = token.groups()
        if text:
            return text
        if sign:
            return " and " if sign[0] == "&" else " or "
        name = f"_quoted_{len(self.quoted)}"
        self.quoted[name] = quoted
        return name

    def boolean(self, node: ast.expr) -> np.ndarray:
        """Evaluate a node that is true or false for each cell."""
        match node:
            case ast.BoolOp(op=sign, values=parts):
                masks = [self.boolean(part) for part in parts]
                return np.logical_and.reduce(masks) if isinstance(sign, ast.And) else np.logical_or.reduce(masks)
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                return ~self.boolean(operand)
            case ast.Compare(left=left, ops=signs, comparators=others):
                sides = [left, *others]
                pairs = zip(sides[:-1], signs, sides[1:], strict=True)
                return np.logical_and.reduce([self._compare(*pair) for pair in pairs])
            case ast.Name():
                return self._truth(node)
        raise _not_allowed(node)

    def _compare(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> np.ndarray:
        """Compare two sides, of which at least one is a column."""
        first, second = self._value(left), self._value(right)
        ordering = isinstance(sign, ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        first, second = _numbers_beside(first, second, ordering), _numbers_beside(second, first, ordering)
        if not isinstance(first, pd.Series) and not isinstance(second, pd.Series):
            raise _problem(
                f"{ast.unparse(left)!r} and {ast.unparse(right)!r}, of which neither is a column", EXPECTED, ""
            )
        listed = isinstance(first, list) or isinstance(second, list)
        if isinstance(sign, ast.In | ast.NotIn) or (listed and isinstance(sign, ast.Eq | ast.NotEq)):
            if not isinstance(first, pd.Series) or not isinstance(second, list):
                raise _problem(f"{ast.unparse(right)!r} behind 'in'", "a list, such as ['lung', 'heart']", "")
            self._check_values(left, first, second)
            inside = first.isin(second).to_numpy(dtype=bool)
            return ~inside if isinstance(sign, ast.NotIn | ast.NotEq) else inside
        if listed or type(sign) not in COMPARISONS:
            raise _problem(f"{ast.unparse(ast.Compare(left, [sign], [right]))!r}", EXPECTED, "compare with one value")
        for column, node, other in ((first, left, second), (second, right, first)):
            if isinstance(column, pd.Series) and not isinstance(other, pd.Series):
                self._check_kind(node, column, other)
                if isinstance(sign, ast.Eq | ast.NotEq) or isinstance(column.dtype, pd.CategoricalDtype):
                    self._check_values(node, column, [other])
        try:
            found = COMPARISONS[type(sign)](first, second)
        except TypeError:
            names = f"{ast.unparse(left)!r} and {ast.unparse(right)!r}"
            raise _problem(
                f"{names}, which cannot be compared", "numbers with numbers, and text with text", ""
            ) from None
        missing = isinstance(sign, ast.NotEq)
        return pd.Series(found).fillna(missing).to_numpy(dtype=bool)

    def _value(self, node: ast.expr) -> Any:
        """Return a column, a literal or a list of literals."""
        match node:
            case ast.Name():
                return self._column(node)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                return [self._literal(part) for part in parts]
        return self._literal(node)

    def _literal(self, node: ast.expr) -> str | bool | int | float:
        match node:
            case ast.Constant(value=str() | bool() | int() | float() as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
        raise _not_allowed(node)

    def _column(self, node: ast.Name) -> pd.Series:
        """Return a column of obs; of categories without an order, their values."""
        name = self.quoted.get(node.id, node.id)
        if name not in self.obs:
            near = did_you_mean(name, map(str, self.obs.columns))
            hint = (
                near
                or "name a column that is there; write text between quotation marks, and odd names between backticks"
            )
            raise _problem(f"no column {name!r} in obs", f"one of {preview(self.obs.columns, 20)}", hint)
        column = self.obs[name]
        if isinstance(column.dtype, pd.CategoricalDtype) and not column.cat.ordered:
            return column.astype(column.cat.categories.dtype if column.notna().all() else object)
        return column

    def _truth(self, node: ast.Name) -> np.ndarray:
        """Return a column of true and false as it stands; missing values are false."""
        column = self._column(node)
        values = column.astype(object).where(column.notna(), False)
        known = {"true": True, "false": False}
        found = [known.get(str(value).lower()) for value in values]
        if None in found:
            odd = values.iloc[found.index(None)]
            name = self.quoted.get(node.id, node.id)
            raise _problem(
                f"{name!r} alone, which has {str(odd)!r}", "a column of true and false", "compare it with a value"
            )
        return np.array(found, dtype=bool)

    def _check_kind(self, node: ast.expr, column: pd.Series, value: object) -> None:
        """Check that text is compared with text, and numbers with numbers."""
        ordered = isinstance(column.dtype, pd.CategoricalDtype)
        numeric = pd.api.types.is_numeric_dtype(column.cat.categories if ordered else column)
        if numeric == isinstance(value, str):
            what = "numbers" if numeric else "text"
            fix = f"write {'a number' if numeric else 'the text between quotation marks'}"
            raise _problem(f"{self._shown(node)} has {what}, compared with {value!r}", EXPECTED, fix)

    def _check_values(self, node: ast.expr, column: pd.Series, values: Iterable) -> None:
        """Check that each value is one that a cell has, or that has a place in the order of categories."""
        if pd.api.types.is_bool_dtype(column):
            return
        distinct = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column.dropna().unique()
        there = set(distinct)
        for value in values:
            if value not in there:
                near = did_you_mean(value, sorted(map(str, there)))
                expected = f"one of {preview(sorted(map(str, there)), 20)}"
                raise _problem(
                    f"no cell with {value!r} in {self._shown(node)}", expected, near or "write a value that is there"
                )

    def _shown(self, node: ast.expr) -> str:
        name = ast.unparse(node)
        return repr(self.quoted.get(name, name))


def _numbers_beside(column: Any, other: Any, ordering: bool) -> Any:
    """Read a column of text as numbers if it holds nothing else and is compared with numbers; return others as they are.

    Texts that are one number, such as 1.1 and 1.10, may be ordered, but not be equal to a number.
    """
    if not isinstance(column, pd.Series) or pd.api.types.is_numeric_dtype(column):
        return column
    if isinstance(column.dtype, pd.CategoricalDtype):  # an order of their own
        return column
    values = other if isinstance(other, list) else [other]
    if not all(
        pd.api.types.is_numeric_dtype(one) if isinstance(one, pd.Series) else type(one) in (int, float)
        for one in values
    ):
        return column
    numbers = as_numbers(column)
    return numbers if numbers is not None and (ordering or numbers.nunique() == column.nunique()) else column


def _problem(found: str, expected: str, fix: str) -> InputError:
    return InputError(Problem(WHERE, found, expected, fix))


def _not_allowed(node: ast.expr) -> InputError:
    return _problem(
        f"{ast.unparse(node)[:80]!r}, which is neither a column, a literal nor a comparison", EXPECTED,
        "use comparisons, 'in', &, |, ~ and brackets only",
    )  # fmt: skip
