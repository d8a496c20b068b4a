# ruff: noqa: T201
"""How long a search over settings takes, against scikit-learn's own MLPClassifier.

    python benchmarks/search.py --data FOLDER                    # 20 settings, 5 folds, all rows
    python benchmarks/search.py --data FOLDER --settings 4 --folds 2 --rows 5000

FOLDER holds adult.csv or adult.csv.gz, the UCI census table, with the target `class` or `income`.
Its columns are one-hot encoded and scaled once, before any clock runs, so that only the networks
are timed. Both classes are given the same settings, folds and seeds, and search one after the other
in one process, setting by setting in turn; the order of the two changes from setting to setting.
X is what ColumnTransformer makes of the table, sparse and float64; both sides compute in its dtype,
so that --float32 is faster for both. All epochs are run, so that both do the same work.
"""

import argparse
import json
import os
import platform
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn.neural_network
from scipy.sparse import issparse
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_info

import chainrule

SIDES = {
    "chainrule": chainrule.MLPClassifier,
    "scikit-learn": sklearn.neural_network.MLPClassifier,
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


def search(side: str, setting: dict[str, Any], folds: Any, X: Any, y: Any) -> tuple[float, float]:
    """Seconds of all folds of one setting, and their mean accuracy."""
    one = RandomizedSearchCV(
        SIDES[side](**FIXED),
        {name: [value] for name, value in setting.items()},
        n_iter=1,
        cv=folds,
        refit=False,
        error_score="raise",
    )
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        one.fit(X, y)
    return time.perf_counter() - start, float(one.best_score_)


def main() -> None:
    """Search on both sides and print what came of it."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--data", type=Path, required=True, help="folder of adult.csv(.gz)")
    arguments.add_argument("--settings", type=int, default=20)
    arguments.add_argument("--folds", type=int, default=5)
    arguments.add_argument("--rows", type=int, help="as many rows, drawn at random; default all")
    arguments.add_argument("--dense", action="store_true")
    arguments.add_argument("--float32", action="store_true")
    arguments.add_argument("--out", type=Path, help="a JSON file to write")
    asked = arguments.parse_args()

    dtype = np.float32 if asked.float32 else np.float64
    X, y = read_table(asked.data, asked.rows, asked.dense, dtype)
    load_before = os.getloadavg()
    settings = list(ParameterSampler(SPACE, asked.settings, random_state=0))
    folds = list(StratifiedKFold(asked.folds, shuffle=True, random_state=0).split(X, y))
    form = "sparse" if issparse(X) else "dense"
    print(f"adult: {X.shape[0]:,} rows, {X.shape[1]} inputs, {form}, {X.dtype}")
    small = {"hidden_layer_sizes": (4,), "max_iter": 1, "early_stopping": True}
    for kind in SIDES.values():  # compiles, or loads what was compiled
        for activation in SPACE["activation"]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                kind(activation=activation, **small).fit(X[:500], y[:500])

    found: list[dict[str, Any]] = []
    for number, setting in enumerate(settings):
        order = list(SIDES) if number % 2 == 0 else list(SIDES)[::-1]
        result = {side: search(side, setting, folds, X, y) for side in order}
        found.append({"setting": setting, "results": {side: result[side] for side in SIDES}})
        said = "   ".join(f"{side} {s:7.2f} s {score:.4f}" for side, (s, score) in result.items())
        print(f"{number + 1:3d}  {said}   {setting}", flush=True)

    seconds = {side: sum(one["results"][side][0] for one in found) for side in SIDES}
    best = {side: max(one["results"][side][1] for one in found) for side in SIDES}
    ratio = seconds["scikit-learn"] / seconds["chainrule"]
    for side in SIDES:
        print(f"{side:14s}{seconds[side]:9.1f} s   best accuracy {best[side]:.4f}")
    print(f"ratio of seconds: {ratio:.2f}")
    if asked.out:
        packages = ("chainrule", "scikit-learn", "numpy", "scipy", "numba", "scipy-openblas32")
        record = {
            "rows": X.shape[0],
            "inputs": X.shape[1],
            "dtype": str(X.dtype),
            "sparse": issparse(X),
            "folds": asked.folds,
            "fixed": FIXED,
            "seconds": seconds,
            "best": best,
            "ratio": ratio,
            "settings": found,
            "python": platform.python_version(),
            "versions": {name: version(name) for name in packages},
            "cpu": cpu(),
            "cores": os.cpu_count(),
            "threads": {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()},
            "load_average": {"before": load_before, "after": os.getloadavg()},
        }
        asked.out.write_text(json.dumps(record, indent=1) + "\n")


def cpu() -> str:
    """The processor's name, where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    main()
