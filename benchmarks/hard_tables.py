# ruff: noqa: T201
"""Tables that hurt multilayer perceptrons: is any of them a catastrophe?

    python benchmarks/hard_tables.py                     # what is missing, then the page
    python benchmarks/hard_tables.py --tables dates      # only these
    python benchmarks/hard_tables.py --methods none      # only show what is stored

Ours with its defaults, a linear model (see `accuracy/linear.py`) and HistGradientBoosting learn the
tables of `accuracy/hard_tables.py`, of which each seed is another draw. Results are stored under
`results/hard/` as those of `accuracy.py` are.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from accuracy.hard_tables import HARD
from accuracy.linear import LINEAR
from accuracy.methods import METHODS, Method
from accuracy.results import Result, Store, measure
from threadpoolctl import threadpool_limits

from chainrule.cli import warmup
from chainrule.engines.compiled import threads

RESULTS = Path(__file__).parent / "results" / "hard"
COMPARED = {m.key: m for m in (METHODS["ours"], LINEAR, METHODS["histgb"])}


def measure_missing(
    store: Store, names: list[str], methods: list[Method], count: int, seeds: int | None
) -> None:
    """Measure what is not stored yet, the first seed of every table before any second one."""
    for seed in range(max(HARD[name].seeds for name in names)):
        for name in names:
            if seed >= min(seeds or HARD[name].seeds, HARD[name].seeds):
                continue
            known = {m.key: _of_table(store, m, name).get(seed) for m in methods}
            missing = [m for m in methods if getattr(known[m.key], "version", "") != m.version()]
            if not missing:
                continue
            table = HARD[name].draw(name, seed)
            for method in missing:
                with threadpool_limits(count), threads.at_most(count):
                    result = measure(method, table, seed, count)
                store.add(method, result)
                print(
                    f"{name} {seed} {method.title}: {result.error:.4f} "
                    f"{_number(result.log_loss or result.absolute_error)} "
                    f"in {result.fit_seconds:.1f} s ({result.cpu_seconds:.1f} s of CPU)",
                    file=sys.stderr,
                    flush=True,
                )


def _of_table(store: Store, method: Method, name: str) -> dict[int, Result]:
    """By seed; a table that is drawn otherwise now has another name or is measured anew by hand."""
    return {seed: r for (table, _, seed), r in store.read(method).items() if table == name}


def lines(store: Store, names: list[str]) -> Iterator[str]:
    """The page: a row for each table."""
    heads = [title for m in COMPARED.values() for title in (m.title, "s")]
    yield _row(["table", "figure", *heads])
    yield _row(["---"] * (2 + len(heads)))
    for name in names:
        found = {key: _of_table(store, m, name) for key, m in COMPARED.items()}
        shared = sorted(set.intersection(*map(set, found.values())))
        if not shared:
            continue
        for title, field in _figures(found["ours"][shared[0]]):
            cells = [name, title]
            for results in found.values():
                values = [getattr(results[seed], field) for seed in shared]
                seconds = np.mean([results[seed].cpu_seconds for seed in shared])
                spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
                cells += [f"{np.mean(values):.3f} ± {spread:.3f}", f"{seconds:.1f}"]
            yield _row(cells)


def _figures(result: Result) -> list[tuple[str, str]]:
    if result.task == "regression":
        return [("RMSE / σ", "error"), ("absolute error", "absolute_error")]
    rare = [("average precision", "average_precision")] if "99:1" in result.table else []
    return [("error", "error"), ("log loss", "log_loss"), ("AUC", "auc"), *rare]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tables", nargs="*", default=list(HARD), choices=list(HARD))
    parser.add_argument("--methods", nargs="*", default=list(COMPARED), help=", ".join(COMPARED))
    parser.add_argument("--seeds", type=int, help="of each table, at most")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()

    store, names = Store(asked.results), list(asked.tables)
    methods = [COMPARED[key] for key in asked.methods if key != "none"]
    if any(method.is_ours for method in methods):
        warmup.warmup()
    if methods:
        measure_missing(store, names, methods, asked.threads, asked.seeds)
    for line in lines(store, names):
        print(line)


if __name__ == "__main__":
    main()
