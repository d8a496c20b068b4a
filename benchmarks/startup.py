# ruff: noqa: T201
"""How long one waits before anything is computed: imports, first fits, compilation, the command.

    python benchmarks/startup.py                     # about a minute
    python benchmarks/startup.py train compilation   # the cases with one of these words in them

Every figure is of new processes, in turn with those of the peers; the fastest round counts, as
whatever else runs on a machine only ever adds, and the first one fills the caches of the system.
"Beyond its compute" is the first fit less the same fit once more. CPU seconds say what the clock of
a busy machine hides. Peers that are not installed are left out; they come with the extra
`benchmarks`.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from record import OURS, Measurement, installed, show, write

PENGUINS = Path(__file__).parents[1] / "examples" / "penguins.csv"


@dataclass(frozen=True)
class Side:
    """One figure to be taken, in seconds, and what it should be below."""

    case: str
    name: str
    measure: Callable[[], float]
    mark: float | None


TIMED = """
import time
start = time.perf_counter()
{work}
print(time.perf_counter() - start)
"""

FITTED = """
import time
import numpy as np
{imports}
draws = np.random.default_rng(0)
X = draws.standard_normal((400, 8)).astype(np.float32)
y = (X @ draws.standard_normal((8, 3))).argmax(1)
def fit():
    start = time.perf_counter()
    {fit}
    return time.perf_counter() - start
first = fit()
print(first - min(fit() for _ in range(5)))
"""

SKLEARN_FIT = "MLPClassifier((64, 64), max_iter=5, random_state=0, tol=0, n_iter_no_change=9)"

ENGINE_FIT = """
import time
import numpy as np
draws = np.random.default_rng(0)
X = draws.standard_normal((400, 8)).astype(np.float32)
y = (X @ draws.standard_normal((8, 3))).argmax(1)
start = time.perf_counter()
from chainrule.activations import RELU
from chainrule.engines import Rows, compiled
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import multilayer_perceptron
from chainrule.training import TrainingSettings, train
imported = time.perf_counter() - start
network = multilayer_perceptron(8, (64, 64), 3, activation=RELU, loss=SoftmaxCrossEntropy())
def fit():
    start = time.perf_counter()
    list(train(network, Rows(X, y), TrainingSettings(epochs=5), engine=compiled))
    return time.perf_counter() - start
first = fit()
print(imported + first - min(fit() for _ in range(5)))
"""

TORCH_FIT = """
import time
import numpy as np
draws = np.random.default_rng(0)
X = draws.standard_normal((400, 8)).astype(np.float32)
y = (X @ draws.standard_normal((8, 3))).argmax(1)
start = time.perf_counter()
import torch
imported = time.perf_counter() - start
def fit():
    start = time.perf_counter()
    layers = torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU()
    model = torch.nn.Sequential(*layers, torch.nn.Linear(64, 3))
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    rows, classes = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(5):
        for at in torch.randperm(400).split(256):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(rows[at]), classes[at]).backward()
            optimizer.step()
    return time.perf_counter() - start
first = fit()
print(imported + first - min(fit() for _ in range(5)))
"""

JAX_FIT = """
import time
import numpy as np
draws = np.random.default_rng(0)
X = draws.standard_normal((400, 8)).astype(np.float32)
y = (X @ draws.standard_normal((8, 3))).argmax(1)
start = time.perf_counter()
import jax
import jax.numpy as jnp
imported = time.perf_counter() - start
shapes = (8, 64), (64, 64), (64, 3)
theta = [(jnp.asarray(draws.random(s, np.float32) - 0.5), jnp.zeros(s[1])) for s in shapes]
def loss(theta, X, y):
    for W, b in theta[:-1]:
        X = jax.nn.relu(X @ W + b)
    scores = jax.nn.log_softmax(X @ theta[-1][0] + theta[-1][1])
    return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))
@jax.jit
def step(theta, X, y):
    slopes = jax.grad(loss)(theta, X, y)
    return jax.tree.map(lambda w, g: w - 0.01 * g, theta, slopes)
def fit():
    start = time.perf_counter()
    found = theta
    for _ in range(5):
        for at in (slice(256), slice(256, None)):
            found = step(found, X[at], y[at])
    jax.block_until_ready(found)
    return time.perf_counter() - start
first = fit()
print(imported + first - min(fit() for _ in range(5)))
"""

COMPILED = """
import sys, time
from pathlib import Path
import numpy as np
from chainrule.engines.choice import choose_engine
from chainrule.engines.compiled import kernel_files
from chainrule.options import Options, network_of, settings_of, settled
kernel_files.folders = lambda: [Path(sys.argv[1])]
options = settled(Options(), n=344, task="classification", n_classes=3)
settings = settings_of(options)
choice = choose_engine("compiled", network_of(options, 8, 3), settings.optimizer, settings.dtype)
start = time.process_time()
choice.warm_up()
print(time.process_time() - start)
"""


def printed(script: str, *arguments: str) -> float:
    """The number that a script prints in a process of its own."""
    words = [sys.executable, "-c", script, *arguments]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def lasted(*words: str, folder: str) -> float:
    """Seconds from the start of a command to its end, which has to be a success."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, check=True)
    return time.perf_counter() - start


def cpu_seconds(work: Callable[[], float]) -> float:
    """CPU seconds of the processes that `work` waits for."""
    before = os.times()
    work()
    after = os.times()
    return after.children_user + after.children_system - (
        before.children_user + before.children_system
    )  # fmt: skip


def sides(folder: str) -> list[Side]:
    """Everything that is installed."""
    ours_fit = FITTED.format(
        imports="from chainrule import MLPClassifier", fit=f"{SKLEARN_FIT}.fit(X, y)"
    )
    their_fit = FITTED.format(
        imports="import warnings; warnings.simplefilter('ignore')\n"
        "from sklearn.neural_network import MLPClassifier",
        fit=f"{SKLEARN_FIT}.fit(X, y)",
    )
    train = ("chainrule", "train", str(PENGUINS), "--target", "species")
    train = (*train, "--model", f"{folder}/penguins.safetensors")
    found: list[Side] = []

    def side(case: str, name: str, measure: Callable[[], float], mark: float | None = None) -> None:
        found.append(Side(case, name, measure, mark))

    imports, classifier = "import", "import of the classifier"
    side(imports, OURS, lambda: printed(TIMED.format(work="import chainrule")), 0.3)
    side(imports, "scikit-learn", lambda: printed(TIMED.format(work="import sklearn")))
    ours_import = TIMED.format(work="from chainrule import MLPClassifier")
    their_import = TIMED.format(work="from sklearn.neural_network import MLPClassifier")
    side(classifier, OURS, lambda: printed(ours_import))
    side(classifier, "scikit-learn", lambda: printed(their_import))
    first = "imports and first fit, beyond its compute"
    side(first, OURS, lambda: printed(ENGINE_FIT), 0.5)
    if installed("torch"):
        side(imports, "PyTorch", lambda: printed(TIMED.format(work="import torch")))
        side(first, "PyTorch", lambda: printed(TORCH_FIT))
    if installed("jax"):
        side(imports, "JAX", lambda: printed(TIMED.format(work="import jax")))
        side(first, "JAX", lambda: printed(JAX_FIT))
    fit = "first fit of MLPClassifier, beyond its compute"
    side(fit, OURS, lambda: printed(ours_fit), 0.5)
    side(fit, "scikit-learn", lambda: printed(their_fit))
    side("chainrule --help", OURS, lambda: lasted("chainrule", "--help", folder=folder))
    side("chainrule train, all in all", OURS, lambda: lasted(*train, folder=folder), 2.5)
    side(
        "chainrule train, CPU seconds",
        OURS,
        lambda: cpu_seconds(lambda: lasted(*train, folder=folder)),
    )
    side("first compilation, CPU seconds", OURS, lambda: compilation(folder), 5.0)
    side("the same from its files, CPU seconds", OURS, lambda: printed(COMPILED, f"{folder}/k"))
    return found


def compilation(folder: str) -> float:
    """CPU seconds to compile what a training with the defaults needs, once: it takes long."""
    kernels = Path(folder) / "k"
    if kernels.exists():
        return math.inf
    kernels.mkdir()
    return printed(COMPILED, str(kernels))


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("words", nargs="*", help="of the cases wanted; by default all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true", help="chainrule alone")
    parser.add_argument("--json", type=Path, default=Path("startup.json"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wanted = [
            side
            for side in sides(folder)
            if (side.name == OURS or not asked.no_peers)
            and (not asked.words or any(word in side.case for word in asked.words))
        ]
        if not wanted:
            parser.error(f"no case has one of the words {asked.words}")
        times: list[list[float]] = [[] for _ in wanted]
        for number in range(asked.rounds):
            print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
            for each, side in zip(times, wanted, strict=True):
                each.append(side.measure())
    found = [
        Measurement(side.case, side.name, min(each), "s", side.mark)
        for each, side in zip(times, wanted, strict=True)
    ]
    show(found)
    write(asked.json, "startup", found)


if __name__ == "__main__":
    main()
