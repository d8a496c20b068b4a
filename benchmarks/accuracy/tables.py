"""Tables to compare on: rows, a target, and splits that are the same for every method."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

TEST_SHARE = 0.2
FEW_ROWS = 3_000
"""Below this, five splits instead of three: a fifth of so few rows is a noisy judge."""

FEW_VALUES = 20
"""Whole numbers with at most so many different values are classes."""


@dataclass(frozen=True)
class Table:
    """A table and its target.

    Attributes:
        name: for the screen and the results.
        X: the other columns as they are, texts and missing values included, (n, d).
        y: numbers, or classes 0 ... k-1, (n,).
        n_classes: k; 0 for regression.
        fingerprint: of all of it, so that stored results are never taken for another table's.
        n_learnt: so many first rows are learnt from in every split; 0 where splits are drawn.
    """

    name: str
    X: pd.DataFrame
    y: NDArray
    n_classes: int
    fingerprint: str
    n_learnt: int = 0

    @property
    def task(self) -> str:
        """Regression or classification."""
        return "classification" if self.n_classes else "regression"

    @property
    def n_splits(self) -> int:
        """How many splits are due."""
        return 3 if len(self.y) >= FEW_ROWS else 5

    def split(self, number: int) -> tuple[NDArray, NDArray]:
        """Row numbers that are learnt from and judged by: shuffled, of each class its share."""
        if self.n_learnt:
            return np.arange(self.n_learnt), np.arange(self.n_learnt, len(self.y))
        learnt, judged = train_test_split(
            np.arange(len(self.y)),
            test_size=TEST_SHARE,
            random_state=number,
            stratify=self.y if self.n_classes else None,
        )
        return learnt, judged


def table_of(name: str, frame: pd.DataFrame, target: str, rows: int, task: str = "") -> Table:
    """The table of a data frame, with at most so many of its rows, drawn at random."""
    if target not in frame:
        raise SystemExit(f"{name}: there is no column '{target}'.")
    frame = frame[frame[target].notna()]
    if rows and len(frame) > rows:
        kept = np.random.default_rng(0).choice(len(frame), rows, replace=False)
        frame = frame.iloc[np.sort(kept)]
    frame = frame.reset_index(drop=True)
    fingerprint = hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()[:12]
    y = frame[target]
    if not task:
        task = "classification" if _are_classes(y) else "regression"
    if task == "regression":
        return Table(name, frame.drop(columns=target), y.to_numpy(float), 0, fingerprint)
    classes, codes = np.unique(y.to_numpy(), return_inverse=True)
    return Table(name, frame.drop(columns=target), codes, len(classes), fingerprint)


def _are_classes(y: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(y) or not pd.api.types.is_numeric_dtype(y):
        return True
    whole = bool((y == y.round()).all())
    return whole and y.nunique() <= FEW_VALUES


def of_folder(folder: Path, rows: int) -> Iterator[Table]:
    """The tables of a folder: CSV, gzipped CSV and Parquet, in the order of their names.

    Targets are named in `targets.json` there, {"adult": "income"} or {"adult": {"target": "income",
    "task": "classification"}}, or in a README.md that holds a table with the columns `file` and
    `target`.
    """
    targets = _targets(folder)
    files = [path for path in sorted(folder.iterdir()) if _stem(path)]
    if not files:
        raise SystemExit(f"{folder} holds no .csv, .csv.gz or .parquet file.")
    for path in files:
        name = _stem(path)
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        said = targets.get(name) or next((c for c in ("target", "class") if c in frame), None)
        if said is None:
            known = "targets.json" if targets else "no targets.json, and no README.md with them"
            raise SystemExit(f"{path}: what is its target? In {folder} there is {known}.")
        said = {"target": said} if isinstance(said, str) else said
        yield table_of(name, frame, said["target"], rows, said.get("task", ""))


def _stem(path: Path) -> str:
    for ending in (".csv", ".csv.gz", ".parquet"):
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    return ""


def _targets(folder: Path) -> dict:
    if (folder / "targets.json").exists():
        return json.loads((folder / "targets.json").read_text())
    readme = folder / "README.md"
    lines = readme.read_text().splitlines() if readme.exists() else []
    cells = [
        [cell.strip() for cell in line.strip("| ").split("|")] for line in lines if "|" in line
    ]
    head = next((row for row in cells if {"file", "target"} <= set(row)), None)
    if head is None:
        return {}
    file, target = head.index("file"), head.index("target")
    whole = [row for row in cells if len(row) == len(head)]
    # "classes (6)" says how many there are
    return {row[file]: row[target].partition(" (")[0] for row in whole}
