"""How the time of an epoch grows: with the rows, with the width of the layers, with the members.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --rounds 9

Rows: a network with two hidden layers of 64, batches of 256, from 10,000 rows to 320,000. Widths:
20,000 rows, two hidden layers from 64 to 1,024 neurons; what grows is the number of multiply-adds.
For both the exponent is fitted: 1.00 is linear cost. It comes out below 1 in the multiply-adds, as
wider products are more efficient. Members: networks that are trained side by side, over the same
networks trained one by one, each with all cores; each has to end with the very bits that it ends
with alone. Before, one epoch is held against the reference engine's.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from record import OURS, Measurement, show, write

from chainrule.activations import RELU
from chainrule.cores import cores
from chainrule.engines import Engine, EpochPlan, Rows, compiled, reference
from chainrule.initializers import initial_parameters
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import Network, Parameters, multilayer_perceptron
from chainrule.optimizers import Adam

INPUTS, CLASSES, BATCH = 32, 3, 256
ROWS = tuple(10_000 * 2**i for i in range(6))
WIDTHS = (64, 128, 256, 512, 1024)
MEMBERS = (1, 2, 4, 8)


def network_of(width: int) -> Network:
    """Two hidden layers of one width."""
    return multilayer_perceptron(
        INPUTS, (width, width), CLASSES, activation=RELU, loss=SoftmaxCrossEntropy()
    )


def table(n: int) -> Rows:
    """Rows whose class is the largest of some linear functions."""
    draws = np.random.default_rng(0)
    X = draws.standard_normal((n, INPUTS), dtype=np.float32)
    return Rows(X, (X @ draws.standard_normal((INPUTS, CLASSES), np.float32)).argmax(1))


def epoch(network: Network, rows: Rows, engine: Engine = compiled, seed: int = 0) -> Parameters:
    """The parameters after one epoch."""
    draws = np.random.default_rng(seed)
    start = initial_parameters(network, draws, dtype=np.float32)
    plan = EpochPlan(
        draws.permutation(len(rows)),
        BATCH,
        np.full(-(-len(rows) // BATCH), 1e-3),
        np.zeros(len(network.layers), np.uint32),
    )
    return engine.train_epoch(network, start, Adam(), Adam().init(start.theta), rows, plan)[1]


def fastest(works: list[Callable[[], object]], rounds: int) -> list[float]:
    """Seconds of each work in its fastest round; they take turns."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for each, work in zip(times, works, strict=True):
            start = time.perf_counter()
            work()
            each.append(time.perf_counter() - start)
    return [min(each) for each in times]


def exponent(sizes: Sequence[int], seconds: list[float]) -> float:
    """The slope of log seconds over log sizes."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def side_by_side(network: Network, rows: Rows, members: int) -> list[Parameters]:
    """So many networks with seeds of their own, at most one for each core at a time."""
    with ThreadPoolExecutor(min(members, cores())) as pool:
        return list(pool.map(lambda seed: epoch(network, rows, seed=seed), range(members)))


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS)
    parser.add_argument("--members", type=int, nargs="+", default=MEMBERS)
    parser.add_argument("--json", type=Path, default=Path("scaling.json"))
    asked = parser.parse_args()

    narrow, some = network_of(64), table(2_000)
    ours, theirs = (epoch(narrow, some, engine).theta for engine in (compiled, reference))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    members = side_by_side(narrow, some, max(asked.members))
    for seed, member in enumerate(members):
        assert np.array_equal(member.theta, epoch(narrow, some, seed=seed).theta)

    tables = [table(n) for n in asked.rows]
    by_rows = fastest([partial(epoch, narrow, rows) for rows in tables], asked.rounds)
    rows, networks = table(min(20_000, max(asked.rows))), [network_of(h) for h in asked.widths]
    by_width = fastest([partial(epoch, network, rows) for network in networks], asked.rounds)
    counts = [1, *(m for m in asked.members if m > 1)]
    by_members = fastest([partial(side_by_side, narrow, rows, m) for m in counts], asked.rounds)

    sizes = [network.n_parameters for network in networks]
    found = [
        Measurement(f"{n:,} rows", OURS, seconds * 1e3, "ms")
        for n, seconds in zip(asked.rows, by_rows, strict=True)
    ]
    of_rows, of_width = exponent(asked.rows, by_rows), exponent(sizes, by_width)
    found.append(Measurement("exponent in the rows (1: linear)", OURS, of_rows, ""))
    found += [
        Measurement(f"layers of {width:,}", OURS, seconds * 1e3, "ms")
        for width, seconds in zip(asked.widths, by_width, strict=True)
    ]
    found.append(Measurement("exponent in the multiply-adds (1: linear)", OURS, of_width, ""))
    alone = by_members[0]
    found += [
        Measurement(f"{m} members side by side, over one by one", OURS, t / (m * alone), "")
        for m, t in zip(counts, by_members, strict=True)
        if m > 1
    ]
    show(found)
    write(asked.json, "scaling", found)


if __name__ == "__main__":
    main()
