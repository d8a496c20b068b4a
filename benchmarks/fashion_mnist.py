# ruff: noqa: T201
"""Fashion-MNIST with a plain multilayer perceptron: accuracy and seconds.

    python benchmarks/fashion_mnist.py --data fashion_mnist.npz
    python benchmarks/fashion_mnist.py --data fashion_mnist.npz --hidden 512,256 --epochs 10

The file is a NumPy archive of X_train, y_train, X_test and y_test (or in small letters): 60,000 and
10,000 images of 28 x 28 pixels, which become 784 columns, standardised by the mean and the standard
deviation of all pixels learnt from, and their classes.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chainrule import MLPClassifier, __version__
from chainrule.cli import warmup

NAMES = ("x_train", "y_train", "x_test", "y_test")


def images(path: Path) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Standardised pixels (n, 784) and classes (n,), to learn from and to be judged by."""
    with np.load(path) as archive:
        arrays = {name.lower(): archive[name] for name in archive.files}
    if not set(NAMES) <= set(arrays):
        raise SystemExit(f"{path} lacks one of {', '.join(NAMES)}; it holds {', '.join(arrays)}.")
    X, y, X_test, y_test = (arrays[name] for name in NAMES)

    mean, spread = X.mean(), X.std()

    def columns(pixels: NDArray) -> NDArray:
        return ((pixels.reshape(len(pixels), -1) - mean) / spread).astype(np.float32)

    return columns(X), y.ravel(), columns(X_test), y_test.ravel()


def main() -> None:
    """Train, judge by the test images, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the archive")
    parser.add_argument("--hidden", nargs="*", default=["1024,512", "512,256"], help="widths")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--decay", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    warmup.warmup()
    X, y, X_test, y_test = images(asked.data)
    print(f"chainrule {__version__}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print("hidden layers, epochs, accuracy, seconds to fit, CPU seconds, load before")
    for text in asked.hidden:
        widths = tuple(int(width) for width in text.split(","))
        model = MLPClassifier(
            widths,
            solver="adamw",
            weight_decay=asked.decay,
            learning_rate="cosine",
            learning_rate_init=asked.rate,
            batch_size=256,
            dropout=asked.dropout,
            max_iter=asked.epochs,
            n_iter_no_change=asked.epochs,
            tol=0.0,
            random_state=asked.seed,
        )
        load = os.getloadavg()[0]
        start, start_cpu = time.perf_counter(), time.process_time()
        model.fit(X, y)
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        accuracy = model.score(X_test, y_test)
        print(f"{text}, {asked.epochs}, {accuracy:.4f}, {seconds:.1f}, {cpu:.1f}, {load:.1f}")


if __name__ == "__main__":
    main()
