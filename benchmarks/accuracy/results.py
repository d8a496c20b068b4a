"""Results: what a method reached on one split of one table, measured once and kept in a file."""

import json
import os
import time
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from accuracy.methods import Method
from accuracy.tables import Table


@dataclass(frozen=True)
class Result:
    """One method on one split.

    Attributes:
        table, fingerprint, task, split, n_learnt, n_judged: what was learnt and judged.
        version: of the method's package; ours names the code as well.
        threads: it was allowed.
        error: share of wrong classes, or the RMSE over the standard deviation of the whole target.
        log_loss, auc: of classes; AUC is the mean over the classes of one against the rest.
        fit_seconds, predict_seconds: by the clock.
        cpu_seconds: of all threads, to fit; says more than the clock on a busy machine.
        load: how many processes wanted to run beside it.
        date: of the measurement.
        average_precision: of the rarer of two classes.
        absolute_error: the mean one over that of the median as the answer; for numbers.
    """

    table: str
    fingerprint: str
    task: str
    split: int
    n_learnt: int
    n_judged: int
    version: str
    threads: int
    error: float
    log_loss: float | None
    auc: float | None
    fit_seconds: float
    predict_seconds: float
    cpu_seconds: float
    load: float
    date: str
    average_precision: float | None = None
    absolute_error: float | None = None


class Store:
    """Results in a folder, a file for each method; a later result takes an earlier one's place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, method: Method) -> dict[tuple[str, str, int], Result]:
        """All results of a method, by (table, fingerprint, split)."""
        path = self._path(method)
        if not path.exists():
            return {}
        found = [Result(**record) for record in json.loads(path.read_text())["results"]]
        return {(one.table, one.fingerprint, one.split): one for one in found}

    def add(self, method: Method, result: Result) -> None:
        """Keep a result at once, so that a run that ends early has lost nothing."""
        known = self.read(method)
        known[result.table, result.fingerprint, result.split] = result
        lines = ",\n".join(json.dumps(asdict(known[key])) for key in sorted(known))
        text = f'{{"method": "{method.key}", "results": [\n{lines}\n]}}\n'
        path = self._path(method)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.tmp")
        unfinished.write_text(text)
        unfinished.replace(path)

    def find(self, method: Method, table: Table, splits: Iterable[int]) -> dict[int, Result]:
        """The results of a method on these splits of a table, as far as there are any."""
        known = self.read(method)
        keys = {split: (table.name, table.fingerprint, split) for split in splits}
        return {split: known[key] for split, key in keys.items() if key in known}

    def _path(self, method: Method) -> Path:
        return self.folder / f"{method.key}.json"


def measure(method: Method, table: Table, split: int, threads: int) -> Result:
    """Fit the method on a split, with the split's number as its seed, and judge it."""
    learnt, judged = table.split(split)
    X, y = table.X.iloc[learnt].reset_index(drop=True), table.y[learnt]
    others, truth = table.X.iloc[judged].reset_index(drop=True), table.y[judged]
    model = method.make(table.task, split, threads)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # most defaults here warn that they did not converge
        start, start_cpu = time.perf_counter(), time.process_time()
        model.fit(X, y)
        fitted, fitted_cpu = time.perf_counter(), time.process_time()
        figures = _figures(model, table, others, truth)
    return Result(
        table=table.name,
        fingerprint=table.fingerprint,
        task=table.task,
        split=split,
        n_learnt=len(learnt),
        n_judged=len(judged),
        version=method.version(),
        threads=threads,
        **figures,
        fit_seconds=round(fitted - start, 3),
        predict_seconds=round(time.perf_counter() - fitted, 3),
        cpu_seconds=round(fitted_cpu - start_cpu, 3),
        load=round(load, 1),
        date=datetime.now(UTC).date().isoformat(),
    )


def _figures(model: BaseEstimator, table: Table, X: object, y: np.ndarray) -> dict:
    if table.task == "regression":
        residuals = model.predict(X) - y
        return {
            "error": float(np.sqrt(np.mean(residuals**2))) / float(table.y.std()),
            "log_loss": None,
            "auc": None,
            "absolute_error": float(np.abs(residuals).mean() / np.abs(y - np.median(y)).mean()),
        }
    probabilities = np.zeros((len(y), table.n_classes))
    probabilities[:, np.asarray(model.classes_, int)] = model.predict_proba(X)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    answers = np.asarray(model.classes_, int)[model.predict_proba(X).argmax(axis=1)]
    labels = np.arange(table.n_classes)
    areas = [roc_auc_score(y == k, probabilities[:, k]) for k in labels[table.n_classes == 2 :]]
    rare = int(np.bincount(y, minlength=2).argmin())
    return {
        "error": float(np.mean(answers != y)),
        "log_loss": float(log_loss(y, probabilities, labels=labels)),
        "auc": float(np.mean(areas)),
        "average_precision": (
            float(average_precision_score(y == rare, probabilities[:, rare]))
            if table.n_classes == 2
            else None
        ),
    }
