# ruff: noqa: T201
"""How long one step of training takes, against the frameworks people would use instead.

    python benchmarks/training.py                 # all cases, all peers that are installed
    python benchmarks/training.py S32 M --rounds 5
    python benchmarks/training.py --torch-compile # minutes more for each case, and a C++ compiler

A step is forward, backward and Adam on one batch, in float32, with ReLU and softmax cross-entropy.
Every side first has to learn the same problem to the same loss; then all sides take turns, an epoch
each, and the median of the rounds counts. Peers are given what makes them fast: PyTorch without its
DataLoader, with its fused Adam, with its better number of threads; JAX with the whole epoch in one
jitted scan; scikit-learn with float32 inputs. Needs the extra `benchmarks`.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
from record import installed, machine

from chainrule.activations import RELU
from chainrule.engines import EpochPlan, Rows, compiled
from chainrule.engines.compiled import threads
from chainrule.initializers import initial_parameters
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import Network, Parameters, multilayer_perceptron
from chainrule.optimizers import Adam

RATE = 1e-3
PAUSE = 0.3
"""Seconds before each turn: threads of the side before spin for a while before they sleep. An epoch
that nobody times follows it, so that the pause itself is not measured: the threads of this side
have slept too, and a network of S256 is through its 79 steps while a core wakes up."""

FLOOR = 430e9
"""Operations a second of the best float32 sgemm on two cores of an AMD EPYC (Zen 5).

On another machine the share of the floor has to be taken with another figure."""


@dataclass(frozen=True)
class Case:
    """A table and a network for it."""

    n: int
    d: int
    hidden: tuple[int, ...]
    k: int
    batch: int

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return -(-self.n // self.batch)

    @property
    def operations(self) -> int:
        """Of the products of one step: twice a multiply-add for each weight, row and direction."""
        widths = [self.d, *self.hidden, self.k]
        products = [(3 if l else 2) * a * b for l, (a, b) in enumerate(pairwise(widths))]
        return 2 * self.batch * sum(products)


CASES = {
    "S32": Case(20_000, 8, (64, 64), 3, 32),
    "S256": Case(20_000, 8, (64, 64), 3, 256),
    "M": Case(20_000, 64, (256, 256), 10, 256),
    "L": Case(20_000, 784, (512, 256), 10, 128),
    "XL": Case(10_240, 784, (2048, 2048), 10, 1024),
}

MARKS = {"S32": (5, 20), "S256": (6, 10), "M": (2, 3), "L": (2, 3), "XL": (1.2, 2)}
"""How many times faster than the fastest peer, and than PyTorch, we want to be."""


@dataclass(frozen=True)
class Problem:
    """The rows of a case, the network, and where every side starts."""

    case: Case
    X: np.ndarray
    y: np.ndarray
    network: Network
    start: Parameters

    def order(self, epoch: int) -> np.ndarray:
        """The order of an epoch, the same for all sides that take one."""
        return order(self.case.n, epoch)


@cache
def order(n: int, epoch: int) -> np.ndarray:
    """A shuffle of n rows; it is drawn once and before any side is timed."""
    return np.random.default_rng(epoch).permutation(n)


def problem(case: Case) -> Problem:
    """Rows whose class is the largest of k noisy linear functions."""
    draws = np.random.default_rng(0)
    X = draws.standard_normal((case.n, case.d), dtype=np.float32)
    noise = 0.5 * draws.standard_normal((case.n, case.k))
    y = (X @ draws.standard_normal((case.d, case.k)) + noise).argmax(1)
    network = multilayer_perceptron(
        case.d, case.hidden, case.k, activation=RELU, loss=SoftmaxCrossEntropy()
    )
    return Problem(case, X, y, network, initial_parameters(network, draws, dtype=np.float32))


Side = Callable[[int], float]
"""Trains the epoch with that number, and returns its mean loss."""


def chainrule_side(p: Problem, count: int) -> Side:
    """The compiled engine, with at most so many threads."""
    optimizer, rows = Adam(), Rows(p.X, p.y)
    parameters, state = p.start, optimizer.init(p.start.theta)
    rates, keys = np.full(p.case.steps, RATE), np.zeros(len(p.network.layers), np.uint32)

    def epoch(number: int) -> float:
        nonlocal parameters, state
        plan = EpochPlan(p.order(number), p.case.batch, rates, keys)
        with threads.at_most(count):
            loss, parameters, state = compiled.train_epoch(
                p.network, parameters, optimizer, state, rows, plan
            )
        return loss

    return epoch


def sklearn_side(p: Problem) -> Side:
    """scikit-learn's MLPClassifier; `partial_fit` of all rows is an epoch of batches."""
    from sklearn.neural_network import MLPClassifier

    layers = zip(p.start.W, p.start.b, strict=True)

    class Started(MLPClassifier):  # there is no public way to say where it starts
        def _init_coef(self, fan_in: int, fan_out: int, dtype: np.dtype) -> tuple:
            return tuple(part.copy() for part in next(layers))

    model = Started(
        p.case.hidden, batch_size=p.case.batch, learning_rate_init=RATE, alpha=0, random_state=0
    )

    def epoch(number: int) -> float:
        model.partial_fit(p.X, p.y, classes=np.arange(p.case.k))
        return model.loss_

    return epoch


def torch_side(p: Problem, count: int, compiles: bool = False) -> Side:
    """PyTorch, with rows picked from a tensor and its fused Adam."""
    import torch

    layers = []
    for l, (W, b) in enumerate(zip(p.start.W, p.start.b, strict=True)):
        layer = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W.T.copy()))
            layer.bias.copy_(torch.from_numpy(b.copy()))
        layers += [layer, torch.nn.ReLU()] if l < len(p.start.W) - 1 else [layer]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    X, y = torch.from_numpy(p.X), torch.from_numpy(p.y)

    def loss_of(rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(model(rows), targets)

    step = torch.compile(loss_of) if compiles else loss_of

    def epoch(number: int) -> float:
        torch.set_num_threads(count)
        total = torch.zeros(())
        for at in torch.from_numpy(p.order(number)).split(p.case.batch):
            optimizer.zero_grad(set_to_none=True)
            loss = step(X[at], y[at])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(at)
        return float(total) / p.case.n

    return epoch


def jax_side(p: Problem) -> Side:
    """JAX, with an epoch as one jitted scan; a last batch that is not full is left out."""
    import jax
    import jax.numpy as jnp

    X, y = jnp.asarray(p.X), jnp.asarray(p.y.astype(np.int32))
    steps = p.case.n // p.case.batch
    theta = [(jnp.asarray(W), jnp.asarray(b)) for W, b in zip(p.start.W, p.start.b, strict=True)]
    zeros = jax.tree.map(jnp.zeros_like, theta)

    def loss_of(theta, X, y):  # noqa: ANN001, ANN202
        for W, b in theta[:-1]:
            X = jax.nn.relu(X @ W + b)
        scores = jax.nn.log_softmax(X @ theta[-1][0] + theta[-1][1])
        return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))

    def step(carry, at):  # noqa: ANN001, ANN202
        theta, m, v, t = carry
        loss, g = jax.value_and_grad(loss_of)(theta, X[at], y[at])
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        a, c = RATE / (1 - 0.9**t), 1 / (1 - 0.999**t)
        theta = jax.tree.map(lambda w, m, v: w - a * m / (jnp.sqrt(v * c) + 1e-8), theta, m, v)
        return (theta, m, v, t), loss

    @jax.jit
    def run(carry, order):  # noqa: ANN001, ANN202
        return jax.lax.scan(step, carry, order)

    carry = (theta, zeros, zeros, jnp.float32(0))

    def epoch(number: int) -> float:
        nonlocal carry
        order = p.order(number)[: steps * p.case.batch].reshape(steps, p.case.batch)
        carry, losses = run(carry, jnp.asarray(order.astype(np.int32)))
        return float(losses.mean())

    return epoch


def keras_side(p: Problem) -> Side:
    """Keras on JAX, through `fit`."""
    import keras

    layers = [keras.layers.Dense(h, activation="relu") for h in p.case.hidden]
    model = keras.Sequential([keras.Input((p.case.d,)), *layers, keras.layers.Dense(p.case.k)])
    model.set_weights([a for pair in zip(p.start.W, p.start.b, strict=True) for a in pair])
    model.compile(
        keras.optimizers.Adam(RATE, epsilon=1e-8),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def epoch(number: int) -> float:
        seen = model.fit(p.X, p.y, batch_size=p.case.batch, epochs=1, verbose=0)
        return seen.history["loss"][0]

    return epoch


def sides(p: Problem, compiles: bool, peers: bool) -> Iterator[tuple[str, Side]]:
    """Every side that is installed, by name."""
    cpus = threads.cores()
    yield "chainrule", chainrule_side(p, cpus)
    yield "chainrule, 1 thread", chainrule_side(p, 1)
    if not peers:
        return
    if installed("sklearn"):
        yield "scikit-learn", sklearn_side(p)
    if installed("torch"):
        for count in sorted({1, cpus}):
            yield f"PyTorch, {count} threads", torch_side(p, count)
            if compiles:
                yield f"PyTorch compiled, {count} threads", torch_side(p, count, True)
    if installed("jax"):
        yield "JAX", jax_side(p)
    if installed("keras") and installed("jax"):
        yield "Keras", keras_side(p)


def cxx_compiler() -> str | None:
    """The C++ compiler that torch.compile would take, if there is one."""
    return shutil.which(os.environ.get("CXX", "g++")) or shutil.which("clang++")


def learnt_losses(name: str, running: dict[str, Side], epochs: int) -> dict[str, float]:
    """The loss of each side after its first epochs; a side that cannot be compiled is left out."""
    learnt = {}
    for side, epoch in list(running.items()):
        print(f"{name}: {side}", file=sys.stderr)
        try:
            learnt[side] = [epoch(i) for i in range(epochs)][-1]
        except Exception as error:
            if not side.startswith("PyTorch compiled"):
                raise
            reason = str(error).strip().partition("\n")[0]
            print(f"{name}: {side} is left out: it could not be compiled ({reason}).")
            del running[side]
    return learnt


def measured(name: str, rounds: int, compiles: bool, peers: bool) -> dict:
    """Microseconds a step of every side of one case."""
    p = problem(CASES[name])
    running = dict(sides(p, compiles, peers))
    warm = 3
    learnt = learnt_losses(name, running, warm)
    ours = learnt["chainrule"]
    for side, loss in learnt.items():
        # a tenth: rounding leads runs apart once a large network nearly knows its rows by heart
        if abs(loss - ours) > 0.1 * max(ours, 0.1):
            raise SystemExit(
                f"{name}: {side} learnt to a loss of {loss:.4f}, chainrule to {ours:.4f}"
            )
    times: dict[str, list[float]] = {side: [] for side in running}
    for i in range(rounds):
        p.order(warm + i)
        for side, epoch in running.items():
            time.sleep(PAUSE)
            epoch(warm + i)
            start = time.perf_counter()
            epoch(warm + i)
            times[side].append((time.perf_counter() - start) / p.case.steps * 1e6)
    found = {side: statistics.median(seconds) for side, seconds in times.items()}
    peers = {side: us for side, us in found.items() if not side.startswith("chainrule")}
    torch = [us for side, us in peers.items() if side.startswith("PyTorch")]
    best = found["chainrule"]
    return {
        "microseconds a step": found,
        "fastest of the rounds": {side: min(each) for side, each in times.items()},
        "loss after 3 epochs": learnt,
        "times the fastest peer": min(peers.values()) / best if peers else None,
        "times PyTorch": min(torch) / best if torch else None,
        "share of the floor": p.case.operations / FLOOR / (best / 1e6),
    }


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="case")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--torch-compile", action="store_true", help="takes minutes a case, and a C++ compiler"
    )
    parser.add_argument("--no-peers", action="store_true", help="chainrule alone")
    parser.add_argument("--json", type=Path, default=Path("training.json"))
    asked = parser.parse_args()

    if unknown := set(asked.cases) - set(CASES):
        parser.error(f"there is no case {sorted(unknown)}; there are {list(CASES)}")
    compiles = asked.torch_compile
    if compiles and cxx_compiler() is None:
        print("No C++ compiler was found: compiled PyTorch is left out.")
        compiles = False

    found = {
        name: measured(name, asked.rounds, compiles, not asked.no_peers) for name in asked.cases
    }
    about = machine()
    document = {"benchmark": "training", "machine": about, "cases": found}
    asked.json.write_text(json.dumps(document, indent=2) + "\n")

    names = list(
        dict.fromkeys(side for case in found.values() for side in case["microseconds a step"])
    )
    print(f"{about['cpu']}; {about['threads and products']}; load {about['load']}")
    print("microseconds a step")
    print("".join(f"{name:>26}" if not i else f"{name:>10}" for i, name in enumerate(["", *found])))
    for side in names:
        row = [case["microseconds a step"].get(side) for case in found.values()]
        print(f"{side:>26}" + "".join(f"{us:10.1f}" if us else f"{'-':>10}" for us in row))
    for line in ("times the fastest peer", "times PyTorch", "share of the floor"):
        row = [case[line] for case in found.values()]
        print(f"{line:>26}" + "".join(f"{x:10.2f}" if x else f"{'-':>10}" for x in row))
    for i, line in enumerate(("mark: fastest peer", "mark: PyTorch")):
        print(f"{line:>26}" + "".join(f"{MARKS[name][i]:10.1f}" for name in found))


if __name__ == "__main__":
    main()
