# ruff: noqa: T201
"""How much memory a fit takes beyond the table that it is given.

    python benchmarks/memory.py
    python benchmarks/memory.py chainrule scikit-learn --rows 500000

Each side makes a float32 matrix of 2 million rows and 50 columns in a process of its own, fits one
epoch of a network with two hidden layers of 64, and says the most memory that it ever held: all of
it, Python and its packages too. The mark is 1.3 times the matrix and 200 MB. Before, each side fits
a small table and has to learn it.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from record import OURS, Measurement, installed, show, write

COLUMNS = 50

PROLOGUE = """
import sys
import numpy as np
def peak():
    try:  # what this very process held; getrusage starts with what its parent held
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except OSError:
        import resource
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
def table(n, d):
    draws = np.random.default_rng(0)
    X = draws.standard_normal((n, d), dtype=np.float32)
    return X, (X[:, 0] > X[:, 1]).astype(np.int64)
"""

EPILOGUE = """
X, y = table(4_000, 4)
assert (fit(X, y, 200) == y).mean() > 0.9
del X, y
X, y = table(int(sys.argv[1]), int(sys.argv[2]))
before = peak()
fit(X, y, 1)
print(before, peak())
"""

SIDES = {
    "chainrule": """
from chainrule.activations import RELU
from chainrule.engines import Rows, compiled
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import multilayer_perceptron
from chainrule.training import TrainingSettings, train
def fit(X, y, epochs):
    network = multilayer_perceptron(
        X.shape[1], (64, 64), 2, activation=RELU, loss=SoftmaxCrossEntropy()
    )
    settings = TrainingSettings(epochs=epochs, batch_size=2000)
    *_, last = train(network, Rows(X, y), settings, engine=compiled)
    return compiled.scores(network, last.parameters, X[:4_000]).argmax(1)
""",
    "chainrule.MLPClassifier": """
from chainrule import MLPClassifier
def fit(X, y, epochs):
    model = MLPClassifier((64, 64), max_iter=epochs, tol=0, n_iter_no_change=99, batch_size=2000)
    return model.fit(X, y).predict(X[:4_000])
""",
    "scikit-learn": """
import warnings
warnings.simplefilter("ignore")
from sklearn.neural_network import MLPClassifier
def fit(X, y, epochs):
    model = MLPClassifier((64, 64), max_iter=epochs, tol=0, n_iter_no_change=99, batch_size=2000)
    return model.fit(X, y).predict(X[:4_000])
""",
    "PyTorch": """
import torch
def fit(X, y, epochs):
    model = torch.nn.Sequential(
        torch.nn.Linear(X.shape[1], 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(),
        torch.nn.Linear(64, 2),
    )
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    rows, classes = torch.from_numpy(X), torch.from_numpy(y)
    for _ in range(epochs):
        for at in torch.randperm(len(X)).split(2000):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(rows[at]), classes[at]).backward()
            optimizer.step()
    with torch.inference_mode():
        return model(rows[:4_000]).argmax(1).numpy()
""",
}


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument(
        "sides", nargs="*", default=list(SIDES), metavar="side", help=", ".join(map(repr, SIDES))
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--json", type=Path, default=Path("memory.json"))
    asked = parser.parse_args()
    if unknown := set(asked.sides) - set(SIDES):
        parser.error(f"there is no side {sorted(unknown)}; there are {list(SIDES)}")
    matrix = asked.rows * COLUMNS * 4 / 1e6
    mark = 1.3 * matrix + 200
    found = []
    for side in asked.sides:
        if side == "PyTorch" and not installed("torch"):
            print("PyTorch is not installed, and left out.")
            continue
        script = PROLOGUE + SIDES[side] + EPILOGUE
        words = [sys.executable, "-c", script, str(asked.rows), str(COLUMNS)]
        said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
        before, peak = (int(word) / 1e6 for word in said.split())
        limit = mark if side.startswith(OURS) else None
        found += [
            Measurement("peak of the process", side, peak, "MB", limit),
            Measurement("before the fit, table included", side, before, "MB"),
            Measurement("peak, times the table", side, peak / matrix, "times"),
        ]
    print(f"a table of {matrix:,.0f} MB")
    show(found)
    write(asked.json, "memory", found)


if __name__ == "__main__":
    main()
