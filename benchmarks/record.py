# ruff: noqa: T201
"""What every benchmark leaves behind: figures, on screen and as JSON, and where they were made.

    found = [Measurement("one row", "chainrule", 6, "us"), Measurement("one row", "peer", 9, "us")]
    show(found)
    write(Path("prediction.json"), "prediction", found)

The JSON is {"benchmark", "machine", "measurements"}: a flat list, one entry for each case and side.
"""

import importlib.metadata
import importlib.util
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chainrule.cores import cores
from chainrule.engines import compiled

OURS = "chainrule"

PACKAGES = (
    "chainrule", "numpy", "numba", "llvmlite", "scipy-openblas32", "polars",
    "scikit-learn", "torch", "jax", "keras", "onnxruntime",
)  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """One figure.

    Attributes:
        case: what was measured.
        side: whose figure it is; "chainrule" is ours.
        value: the figure, the smaller the better.
        unit: of the value.
        mark: what it should be below, if that is set.
    """

    case: str
    side: str
    value: float
    unit: str
    mark: float | None = None


def machine() -> dict[str, Any]:
    """The machine, its load, and the versions of what ran on it."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": cpu_name(),
        "cpus": cores(),
        "threads and products": compiled.description(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def installed(package: str) -> bool:
    """Whether a peer is there."""
    return importlib.util.find_spec(package) is not None


def cpu_name() -> str:
    """The processor, as the system calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def show(found: Sequence[Measurement]) -> None:
    """Print a line for each case: every side, and how many times ours it is."""
    about = machine()
    print(f"{about['cpu']}; {about['threads and products']}; load {about['load']}")
    sides = list(dict.fromkeys(one.side for one in found))
    if len(sides) > 1:
        print(f"In brackets: how many times the figure of {OURS} it is.")
    width = max(len(one.case) for one in found) + 2
    marked = any(one.mark is not None for one in found)
    columns = [*sides, "mark"] if marked else sides
    print(" " * width + "".join(f"{column:>22}" for column in columns))
    for case in dict.fromkeys(one.case for one in found):
        of_case = {one.side: one for one in found if one.case == case}
        ours = of_case.get(OURS)
        cells = [_cell(of_case.get(side), ours) for side in sides]
        if marked:
            mark = ours.mark if ours else None
            cells.append("" if mark is None else f"< {mark:,g}")
        print(f"{case:<{width}}" + "".join(f"{cell:>22}" for cell in cells))


def _cell(one: Measurement | None, ours: Measurement | None) -> str:
    if one is None:
        return "-"
    text = f"{one.value:,.3g} {one.unit}" if one.value < 1000 else f"{one.value:,.0f} {one.unit}"
    if ours is None or one is ours or not ours.value:
        return text
    return f"{text} ({one.value / ours.value:.1f}x)"


def write(path: Path, benchmark: str, found: Sequence[Measurement]) -> None:
    """Write the measurements, and where they were made."""
    document = {
        "benchmark": benchmark,
        "machine": machine(),
        "measurements": [asdict(one) for one in found],
    }
    path.write_text(json.dumps(document, indent=2) + "\n")
