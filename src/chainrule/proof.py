"""The proof of a model: its own derivatives and answers, shown to be right on rows of one's own.

Derivatives against central differences (`derivative_proof.py`), answers against a second way that
shares no code (`plain_answer.py`), and the engines against one another.
"""

import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Floats, Targets
from chainrule.derivative_proof import Finding, amount, derivative_findings
from chainrule.engines import Rows, reference
from chainrule.model import Model
from chainrule.network import Network, Parameters
from chainrule.plain_answer import read_plainly
from chainrule.table import frame_of, rows_with_target

MOST_ROWS = 64
ANSWERS_AGREE = 1e-9
"""Of the second way and the reference engine, both in float64."""

ENGINES_AGREE = 1e-3
"""Of float32 and float64, relative to the largest number compared."""

_TOO_FLAT = 1e-2
"""Below this length of a gradient, the rounding of J hides what its differences should show."""

ROWS = "drawn at random"
TARGETS = "with targets drawn at random, as the table has none"
FLAT = "with targets drawn at random, as its own are answered too well to show a slope"

_COMPILED = "chainrule.engines.compiled"


@dataclass(frozen=True)
class Proof:
    """All that was checked of a model.

    Attributes:
        findings: in the order in which they are shown.
        n_rows: rows that it was checked on.
        drawn: what was drawn at random, and why; "" where nothing was.
    """

    findings: tuple[Finding, ...]
    n_rows: int
    drawn: str

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return all(finding.passed is not False for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The proof as plain data."""
        return {
            "holds": self.holds,
            "rows": self.n_rows,
            "drawn": self.drawn,
            "findings": [dict(vars(finding)) for finding in self.findings],
        }


def prove(path: str | os.PathLike[str], table: Any = None, seed: int = 0, member: int = 0) -> Proof:
    """Check the model file at `path`, on rows of the table or, without one, on random ones.

    Predictions are of the whole model; derivatives and engines of one member.

    Raises:
        ModelFileError: the file is no model, or damaged.
        InputError: it has no such member.
        TableError: the table does not fit the model.
    """
    whole = Model.load(path)
    model = whole.member(member)
    draw = np.random.default_rng(seed)
    rows, drawn = _rows(model, table, draw)
    if not drawn and _slope(model, rows) < _TOO_FLAT:
        rows, drawn = Rows(rows.X, _drawn_targets(model, len(rows), draw)), FLAT
    findings = [
        _file(path),
        _answers(path, whole, rows),
        *derivative_findings(model.network, model.parameters, rows, draw),
        *_engines(model.network, model.parameters, rows),
    ]
    return Proof(tuple(findings), len(rows), drawn)


def _rows(model: Model, table: Any, draw: np.random.Generator) -> tuple[Rows, str]:
    """At most 64 rows, spread over the table; and what had to be drawn."""
    network, target = model.network, model.target
    if table is None:
        X = np.clip(draw.normal(size=(MOST_ROWS, network.n_inputs)), -3, 3)
        return Rows(X, _drawn_targets(model, MOST_ROWS, draw)), ROWS
    frame = frame_of(table)
    known = (
        rows_with_target(frame, target.name, target.missing)
        if target.name in frame.columns
        else None
    )
    all_rows = np.arange(len(frame)) if known is None else known
    n = min(MOST_ROWS, len(all_rows))
    at = all_rows[np.linspace(0, len(all_rows) - 1, n).astype(np.int64)]
    X = model.encoder.encode(frame, at).astype(np.float64)
    if target.name not in frame.columns:
        return Rows(X, _drawn_targets(model, n, draw)), TARGETS
    y: Targets = target.encode(frame[target.name], at)
    return Rows(X, network.loss.as_targets(y)), ""


def _slope(model: Model, rows: Rows) -> float:
    """The length of the gradient on these rows."""
    parameters = model.parameters.astype(np.float64)
    _, gradient = reference.loss_and_gradient(model.network, parameters, rows)
    return float(np.linalg.norm(gradient.theta))


def _drawn_targets(model: Model, n: int, draw: np.random.Generator) -> Targets:
    """Targets in the domain of every loss of the task."""
    if model.task == "classification":
        return model.network.loss.as_targets(draw.integers(len(model.target.classes), size=n))
    return np.abs(draw.normal(size=(n, 1)))


def _file(path: str | os.PathLike[str]) -> Finding:
    plain = read_plainly(path)
    return Finding(
        "the file is what was written",
        plain.checksum == plain.computed,
        None,
        None,
        f"SHA-256 {plain.computed[:12]}… of all its bytes",
    )


def _answers(path: str | os.PathLike[str], model: Model, rows: Rows) -> Finding:
    """Predictions by plain loops against the reference engine, a few rows."""
    plain = read_plainly(path)
    work = model.network.n_parameters * len(model.members)
    few = slice(0, max(1, min(len(rows), 2_000_000 // work)))
    expected = model.in_float64().predictions(rows.X[few])
    found = np.array([plain.predictions(x) for x in rows.X[few].tolist()])
    worst = _relative(found, expected)
    evidence = f"{amount(len(found), 'row')} by plain loops, without NumPy or this library"
    return Finding("predictions", worst <= ANSWERS_AGREE, worst, ANSWERS_AGREE, evidence)


def _engines(network: Network, parameters: Parameters, rows: Rows) -> Iterator[Finding]:
    exact = _verbs(reference, network, parameters.astype(np.float64), rows)
    small = Rows(rows.X.astype(np.float32), _single(rows.y))
    engines: list[tuple[str, ModuleType]] = [("reference", reference)]
    compiled, why = _compiled()
    if compiled is not None:
        engines.append(("compiled", compiled))
    for name, engine in engines:
        found = _verbs(engine, network, parameters.astype(np.float32), small)
        worst = max(_relative(a, b) for a, b in zip(found, exact, strict=True))
        yield Finding(
            f"{name} engine in float32",
            worst <= ENGINES_AGREE,
            worst,
            ENGINES_AGREE,
            "scores, loss and gradient against float64",
        )
    if compiled is None:
        yield Finding("compiled engine", None, None, None, why)


def _compiled() -> tuple[ModuleType | None, str]:
    try:
        return importlib.import_module(_COMPILED), ""
    except ImportError as error:
        return None, f"not checked: {error}"


def _verbs(
    engine: Any, network: Network, parameters: Parameters, rows: Rows
) -> tuple[Floats, Floats, Floats]:
    scores = engine.scores(network, parameters, rows.X)
    J, gradient = engine.loss_and_gradient(network, parameters, rows)
    return scores, np.array([J]), gradient.theta


def _single(y: Targets) -> Targets:
    return y.astype(np.float32) if np.issubdtype(y.dtype, np.floating) else y


def _relative(found: Floats, expected: Floats) -> float:
    """The largest difference, relative to the largest number that is compared, or to 1e-3."""
    scale = max(float(np.abs(expected).max(initial=0.0)), 1e-3)
    difference = np.abs(found.astype(np.float64) - expected)
    return float(difference.max(initial=0.0)) / scale if np.isfinite(difference).all() else np.inf
