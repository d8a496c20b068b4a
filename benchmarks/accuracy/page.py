"""The page: what was found, as tables in Markdown."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from accuracy import summary
from accuracy.methods import METHODS, Method
from accuracy.summary import Found, Ratio

REFERENCE = "lightgbm"


def document(found: Found, methods: list[Method], due: Mapping[str, int]) -> dict[str, Any]:
    """The summary of every method as plain data; `due` says how many splits each table has."""
    ranks = summary.mean_ranks(found, methods, due)
    return {method.key: _of_method(found, method, ranks) for method in methods}


def _of_method(found: Found, method: Method, ranks: Mapping[str, float]) -> dict[str, Any]:
    own = found[method.key]

    def plain(ratio: Ratio | None) -> dict[str, Any] | None:
        return None if ratio is None else asdict(ratio)

    return {
        "title": method.title,
        "versions": sorted({r.version for splits in own.values() for r in splits.values()}),
        "splits": {table: len(splits) for table, splits in own.items() if splits},
        "mean rank": ranks.get(method.key),
        "error to LightGBM": plain(summary.ratio(found, method.key, REFERENCE)),
        "our error to it": plain(summary.ratio(found, "ours", method.key)),
        "log loss to LightGBM": plain(summary.ratio(found, method.key, REFERENCE, "log_loss")),
        "mean AUC": summary.mean_auc(own),
        "fit seconds": summary.seconds(own, "fit_seconds"),
        "fit CPU seconds": summary.seconds(own, "cpu_seconds"),
        "predict seconds": summary.seconds(own, "predict_seconds"),
        "threads": sorted({r.threads for splits in own.values() for r in splits.values()}),
        "highest load": max((r.load for s in own.values() for r in s.values()), default=0.0),
        "errors": {table: summary.mean_error(splits) for table, splits in own.items() if splits},
    }


def lines(about: Mapping[str, Any], due: Mapping[str, int]) -> Iterator[str]:
    """The document as two tables: errors by table, and the summary."""
    shown = {key: one for key, one in about.items() if one["splits"]}
    yield "Error rate, or RMSE over the target's standard deviation; the lowest default is bold.\n"
    yield from _rows(["table", *(one["title"] for one in shown.values())])
    for table in due:
        errors = {key: one["errors"].get(table) for key, one in shown.items()}
        whole = [key for key, one in shown.items() if one["splits"].get(table) == due[table]]
        best = min((errors[key] for key in whole if not METHODS[key].own_row), default=None)
        cells = [_error(e, best, METHODS[key]) for key, e in errors.items()]
        had = [one["splits"].get(table, 0) for one in shown.values()]
        few = [f" ({n} of {due[table]})" if 0 < n < due[table] else "" for n in had]
        yield _row([table, *(cell + note for cell, note in zip(cells, few, strict=True))])
    yield ""
    yield from _rows(
        [
            "method",
            "mean rank",
            "error / LightGBM's [95 %]",
            "our error / its [95 %]",
            "we are better on",
            "log loss / LightGBM's",
            "mean AUC",
            "CPU s to fit",
            "s to fit",
            "s to predict",
            "threads",
            "splits",
            "version",
        ]
    )
    for key, one in shown.items():
        ours, rank, area = one["our error to it"], one["mean rank"], one["mean AUC"]
        against = ours if ours and key != "ours" else None
        yield _row(
            [
                one["title"],
                "" if rank is None else f"{rank:.2f}",
                _interval(one["error to LightGBM"]),
                _interval(against),
                f"{against['better']} of {against['n_tables']}" if against else "",
                _value(one["log loss to LightGBM"]),
                "" if area is None else f"{area:.4f}",
                f"{one['fit CPU seconds']:.1f}",
                f"{one['fit seconds']:.1f}",
                f"{one['predict seconds']:.2f}",
                ", ".join(map(str, one["threads"])),
                str(sum(one["splits"].values())),
                ", ".join(one["versions"]),
            ]
        )
    yield ""
    yield (
        f"{len(due)} tables, {sum(due.values())} splits. Seconds are for one split of every table "
        "that the method has; while they were measured up to "
        f"{max((one['highest load'] for one in shown.values()), default=0.0):.0f} processes wanted "
        "to run, and beside others CPU seconds say more than the clock. Rows without a rank are no "
        "defaults, or lack splits."
    )


def _error(error: float | None, best: float | None, method: Method) -> str:
    if error is None:
        return ""
    return f"**{error:.4f}**" if error == best and not method.own_row else f"{error:.4f}"


def _interval(ratio: Mapping[str, Any] | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio['value']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]"


def _value(ratio: Mapping[str, Any] | None) -> str:
    return "" if ratio is None else f"{ratio['value']:.3f}"


def _rows(head: list[str]) -> Iterator[str]:
    yield _row(head)
    yield _row(["---"] * len(head))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
