"""Worked sums: terms below one another, long ones folded, in lines of at most 80 columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats
from chainrule.trace.formula import Formula, Numbers
from chainrule.trace.written import (
    align,
    columns_of,
    cut,
    decimals_of,
    known_decimals,
    operand_decimals,
    padded,
    term_decimals,
    written,
)

MOST_TERMS = 12
"""A sum of more terms shows its largest ones, and the others together."""

_WIDEST_LABEL = 26


@dataclass(frozen=True, eq=False)
class Fold:
    """Which terms of a sum are shown, and what the others come to.

    Attributes:
        shown: their places, in the order in which they are shown.
        n_more: how many are not.
        rest: their sum.
    """

    shown: tuple[int, ...]
    n_more: int
    rest: float


@np.errstate(invalid="ignore")
def fold(terms: Floats, most: int = MOST_TERMS) -> Fold:
    """All terms in their order, or the largest ones first where there are more than `most`."""
    n = len(terms)
    if n <= most:
        return Fold(tuple(range(n)), 0, 0.0)
    shown = np.argsort(-np.abs(terms), kind="stable")[: most - 2]
    rest = np.ones(n, dtype=bool)
    rest[shown] = False
    return Fold(tuple(shown.tolist()), n - len(shown), float(terms[rest].sum()))


def columns(rows: Sequence[Sequence[str]], right: Sequence[bool], gap: str = "  ") -> list[str]:
    """Cells below one another; a column is as wide as its widest cell."""
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    return [
        gap.join(
            padded(cell, width, right=to_right)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]


def decimals_of_sum(total: float, terms: Floats) -> int:
    """The decimals of a sum; where its terms all but cancel, no more than say something of them."""
    largest = float(np.abs(terms).max(initial=0.0))
    return min(decimals_of(total), decimals_of(largest, total) + 2)


def fewest_decimals(
    compute: Callable[..., Floats | float],
    operands: Sequence[Floats | float],
    results: Floats,
    decimals: int,
) -> tuple[int, ...]:
    """The decimals of the results and of each operand: the fewest digits in all.

    The results have `decimals` or up to two more: where one of them lies between two roundings, one
    digit more on it saves many on its operands.
    """
    choices = []
    for of_results in range(decimals, decimals + 3):
        needed = operand_decimals(compute, operands, results, of_results)
        choices.append((of_results, *needed))
    return min(choices, key=sum)


@np.errstate(over="ignore", invalid="ignore")
def weighted_sum(
    labels: Sequence[str],
    factors: tuple[Floats, Floats],
    titles: tuple[str, str, str, str],
    total: float,
    constant: tuple[str, float] | None = None,
    most: int = MOST_TERMS,
) -> tuple[list[str], str]:
    """The table of a sum of products, and its total as written.

    Args:
        labels: of the terms.
        factors: two arrays, (d,) each; the terms are their products.
        titles: of the label, of either factor and of the product.
        total: sum of the products, and of the constant.
        constant: one more term, with its label.
        most: terms to show.
    """
    first, second = factors
    products = first * second
    folded = fold(products, most)
    at = list(folded.shown)
    extra = [folded.rest] if folded.n_more else []
    extra += [constant[1]] if constant else []
    terms = np.array([*products[at], *extra])

    decimals = known_decimals(float(terms.sum()), total, decimals_of_sum(total, terms))
    of_terms, of_first, of_second = fewest_decimals(
        np.multiply,
        [first[at], second[at]],
        products[at],
        term_decimals(terms, total, decimals),
    )

    label, left, right, product = titles
    names = [cut(labels[i], _WIDEST_LABEL) for i in at]
    lefts = align([written(v, of_first) for v in first[at]])
    rights = align([written(v, of_second) for v in second[at]])
    results = align([written(v, of_terms) for v in terms])
    rows = [[label, left, "", right, "", product]]
    rows += [
        [name, a, "·", b, "=", c]
        for name, a, b, c in zip(names, lefts, rights, results, strict=False)
    ]
    rest = results[len(at) :]
    if folded.n_more:
        rows.append([f"and {folded.n_more:,} more, together", "", "", "", "", rest[0]])
    if constant:
        rows.append([constant[0], "", "", "", "", rest[-1]])
    lines = columns(rows, (False, True, False, True, False, True), gap=" ")
    return lines, written(total, decimals)


def evaluated(
    symbol: str,
    symbols: str,
    formula: Formula,
    numbers: Numbers,
    result: float,
    width: int,
    decimals: int | None = None,
) -> list[str]:
    """`a = tanh(z) = tanh(0.12345) = 0.12283`, on several lines where it is too long for one.

    Args:
        symbol: of the result.
        symbols: the formula in symbols; "" where it stands elsewhere.
        formula: the same with numbers.
        numbers: what stands in it.
        result: its value.
        width: of the lines.
        decimals: of the result; by default so many that its significant digits are shown.
    """
    decimals = decimals_of(result) if decimals is None else decimals
    decimals = known_decimals(formula.compute(numbers), result, decimals)
    value = written(result, decimals)
    # a condition would be misread between two signs of equality: it stands behind them
    note = f"({symbols})" if ", " in symbols or " where " in symbols else ""
    parts = [symbols if not note else "", formula.worked(numbers, result, decimals), value]
    parts = [part for i, part in enumerate(parts) if part and part not in parts[:i]]
    line = f"{symbol} = " + " = ".join(parts)
    if note:
        line += f"   {note}"
    if columns_of(line) <= width:
        return [line]
    indent = " " * columns_of(symbol)
    lines = [f"{symbol} = {parts[0]}", *(f"{indent} = {part}" for part in parts[1:])]
    return [*lines, f"{indent}   {note}"] if note else lines
