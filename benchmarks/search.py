# ruff: noqa: T201
"""How long a search over settings takes, against scikit-learn's own MLPClassifier.

    python benchmarks/search.py --data FOLDER --jobs 2           # 20 settings, 5 folds, all rows
    OMP_NUM_THREADS=1 python benchmarks/search.py --data FOLDER --settings 5 --rows 20000

FOLDER holds adult.csv or adult.csv.gz, the UCI census table, with the target `class` or `income`.
Its columns are one-hot encoded and scaled once, before any clock runs, so that only the networks
are timed. All sides are given the same settings, folds and seeds, and search one after the other, a
few settings at a time; who begins changes from time to time. All epochs are run, so that all do the
same work. X is what ColumnTransformer makes of the table, sparse and float64, in which scikit-learn
computes; so does the side "chainrule", and the third side does what a user may tell ours,
precision="float32". With --float32 X itself is float32, for both.

--jobs is n_jobs of the search: so many processes, in each of which joblib allows one thread where
they are as many as there are cores. With one job, and one thread as in the second line, the seconds
of the processor are given too, which other work on the machine disturbs less.
"""

import argparse
import json
import os
import platform
import time
import warnings
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn.neural_network
from scipy.sparse import issparse
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, ParameterSampler, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_info

import chainrule

SIDES: dict[str, tuple[Any, dict[str, Any]]] = {
    "scikit-learn": (sklearn.neural_network.MLPClassifier, {}),
    "chainrule": (chainrule.MLPClassifier, {}),
    "chainrule, float32": (chainrule.MLPClassifier, {"precision": "float32"}),
}
TARGETS = ("class", "income")
SPACE: dict[str, list[Any]] = {
    "hidden_layer_sizes": [(64,), (128,), (256,), (64, 64), (128, 64), (256, 128)],
    "activation": ["relu", "tanh"],
    "alpha": [1e-5, 1e-4, 1e-3, 1e-2],
    "learning_rate_init": [3e-4, 1e-3, 3e-3],
    "batch_size": [64, 128, 256, 512],
}
FIXED: dict[str, Any] = {"max_iter": 20, "tol": 0.0, "n_iter_no_change": 20, "random_state": 0}


def read_table(folder: Path, rows: int | None, dense: bool, dtype: Any) -> tuple[Any, np.ndarray]:
    """X (n, d), encoded and scaled, and y (n,)."""
    path = next(path for path in sorted(folder.glob("adult.csv*")) if path.is_file())
    table = pd.read_csv(path)
    if rows is not None and rows < len(table):
        table = table.sample(rows, random_state=0)
    target = next(name for name in TARGETS if name in table)
    y = table.pop(target).to_numpy(dtype=str)
    columns = make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (
            OneHotEncoder(handle_unknown="ignore"),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    X = columns.fit_transform(table).astype(dtype)
    return (X.toarray() if dense and issparse(X) else X), y


@dataclass(frozen=True)
class Found:
    """What a search over some settings took, and the mean accuracy of each setting."""

    seconds: float
    processor_seconds: float | None
    scores: list[float]


def search(
    side: str, settings: list[dict[str, Any]], folds: Any, X: Any, y: Any, jobs: int
) -> Found:
    """All folds of some settings."""
    kind, own = SIDES[side]
    grid = [{name: [value] for name, value in setting.items()} for setting in settings]
    one = GridSearchCV(
        kind(**FIXED, **own), grid, cv=folds, refit=False, n_jobs=jobs, error_score="raise"
    )
    began, spent = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        one.fit(X, y)
    return Found(
        time.perf_counter() - began,
        time.process_time() - spent if jobs == 1 else None,
        one.cv_results_["mean_test_score"].tolist(),
    )


def main() -> None:
    """Search on both sides and print what came of it."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--data", type=Path, required=True, help="folder of adult.csv(.gz)")
    arguments.add_argument("--settings", type=int, default=20)
    arguments.add_argument("--folds", type=int, default=5)
    arguments.add_argument("--rows", type=int, help="as many rows, drawn at random; default all")
    arguments.add_argument("--dense", action="store_true")
    arguments.add_argument("--float32", action="store_true")
    arguments.add_argument("--jobs", type=int, default=1, help="n_jobs of the search")
    arguments.add_argument("--at-once", type=int, default=1, help="settings before the next's turn")
    arguments.add_argument("--out", type=Path, help="a JSON file to write")
    asked = arguments.parse_args()

    dtype = np.float32 if asked.float32 else np.float64
    X, y = read_table(asked.data, asked.rows, asked.dense, dtype)
    load_before = os.getloadavg()
    settings = list(ParameterSampler(SPACE, asked.settings, random_state=0))
    folds = list(StratifiedKFold(asked.folds, shuffle=True, random_state=0).split(X, y))
    form = "sparse" if issparse(X) else "dense"
    print(f"adult: {X.shape[0]:,} rows, {X.shape[1]} inputs, {form}, {X.dtype}; jobs: {asked.jobs}")
    sides = [side for side in SIDES if not (asked.float32 and SIDES[side][1])]
    warm_up = [{"hidden_layer_sizes": (4,), "activation": name} for name in SPACE["activation"]]
    for side in sides:  # compiles, or loads what was compiled, and starts the worker processes
        search(side, warm_up * asked.jobs, 2, X[:500], y[:500], asked.jobs)

    found: dict[str, list[Found]] = {side: [] for side in sides}
    for number, first in enumerate(range(0, len(settings), asked.at_once)):
        some = settings[first : first + asked.at_once]
        turn = number % len(sides)
        for side in sides[turn:] + sides[:turn]:
            found[side].append(search(side, some, folds, X, y, asked.jobs))
        print(*some, sep="\n")
        for side in sides:
            last = found[side][-1]
            spent = f"{last.processor_seconds:9.2f} s" if last.processor_seconds else ""
            scores = " ".join(f"{score:.4f}" for score in last.scores)
            print(f"    {side:20s}{last.seconds:9.2f} s{spent}   {scores}", flush=True)

    results = {side: summary(searches) for side, searches in found.items()}
    for side, result in results.items():
        print(f"{side:20s}", {name: round(value, 4) for name, value in result.items() if value})
    for side in sides[1:]:
        for clock in ("seconds", "processor_seconds"):
            if results[side][clock]:
                ratio = results["scikit-learn"][clock] / results[side][clock]
                print(f"{side}: {ratio:.2f} times as fast in {clock.replace('_', ' ')}")
    if asked.out:
        packages = ("chainrule", "scikit-learn", "numpy", "scipy", "numba", "scipy-openblas32")
        record = {
            "rows": X.shape[0],
            "inputs": X.shape[1],
            "dtype": str(X.dtype),
            "sparse": issparse(X),
            "folds": asked.folds,
            "jobs": asked.jobs,
            "fixed": FIXED,
            "settings": settings,
            "results": results,
            "found": {side: [asdict(one) for one in searches] for side, searches in found.items()},
            "python": platform.python_version(),
            "versions": {name: version(name) for name in packages},
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "threads": {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()},
            "load_average": {"before": load_before, "after": os.getloadavg()},
        }
        asked.out.write_text(json.dumps(record, indent=1) + "\n")


def summary(searches: list[Found]) -> dict[str, float]:
    """Seconds of all searches of a side, and the accuracy of its settings."""
    scores = [score for one in searches for score in one.scores]
    return {
        "seconds": sum(one.seconds for one in searches),
        "processor_seconds": sum(one.processor_seconds or 0 for one in searches),
        "best": max(scores),
        "mean": float(np.mean(scores)),
    }


def cpu() -> str:
    """The processor's name, where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
