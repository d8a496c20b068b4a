"""How the time of an epoch grows: with the rows, with the width of the layers, with the members.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --rounds 9

Rows: a network with two hidden layers of 64, batches of 256, from 10,000 rows to 320,000. Widths:
20,000 rows, two hidden layers from 64 to 1,024 neurons; what grows is the number of multiply-adds.
For both the exponent is fitted: 1.00 is linear cost. Members: networks that are trained side by
side, against one alone times the members over the cores; each has to end with the very bits that
it ends with alone. Before, one epoch is held against the reference engine's.
"""

import argparse
import time
from collections.abc import Callable
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


def exponent(sizes: list[int], seconds: list[float]) -> float:
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
    parser.add_argument("--json", type=Path, default=Path("scaling.json"))
    asked = parser.parse_args()

    narrow, some = network_of(64), table(2_000)
    ours, theirs = (epoch(narrow, some, engine).theta for engine in (compiled, reference))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    members = side_by_side(narrow, some, max(MEMBERS))
    for seed, member in enumerate(members):
        assert np.array_equal(member.theta, epoch(narrow, some, seed=seed).theta)

    tables = [table(n) for n in ROWS]
    by_rows = fastest([partial(epoch, narrow, rows) for rows in tables], asked.rounds)
    rows, networks = table(20_000), [network_of(width) for width in WIDTHS]
    by_width = fastest([partial(epoch, network, rows) for network in networks], asked.rounds)
    by_members = fastest([partial(side_by_side, narrow, rows, m) for m in MEMBERS], asked.rounds)

    found = [
        Measurement(f"{n:,} rows", OURS, seconds * 1e3, "ms")
        for n, seconds in zip(ROWS, by_rows, strict=True)
    ]
    found.append(Measurement("exponent in the rows", OURS, exponent(list(ROWS), by_rows), ""))
    found += [
        Measurement(f"layers of {width:,}", OURS, seconds * 1e3, "ms")
        for width, seconds in zip(WIDTHS, by_width, strict=True)
    ]
    sizes = [network.n_parameters for network in networks]
    found.append(Measurement("exponent in the multiply-adds", OURS, exponent(sizes, by_width), ""))
    # one network alone takes all cores: the share is of one that has one core to itself
    found += [
        Measurement(f"{m} members, over one alone times members", OURS, ratio, "")
        for m, ratio in zip(
            MEMBERS,
            (t / (m * by_members[0]) for m, t in zip(MEMBERS, by_members, strict=True)),
            strict=True,
        )
    ]
    show(found)
    write(asked.json, "scaling", found)


if __name__ == "__main__":
    main()
