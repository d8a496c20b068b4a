"""How long a trained network takes to answer: one row, a thousand, a million.

    python benchmarks/prediction.py
    python benchmarks/prediction.py 1 1000 --rounds 21

One network of 50 inputs, two hidden layers of 256 with ReLU and 3 scores, in float32, with the same
weights on every side; each side's scores are compared with the reference engine's before they are
timed. All sides take turns; the median of the rounds counts, and the fastest is shown beside it.
Peers that are not installed are left out; they come with the extra `benchmarks`.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from record import OURS, Measurement, installed, show, write

from chainrule.activations import RELU
from chainrule.engines import compiled, reference
from chainrule.initializers import initial_parameters
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import Parameters, multilayer_perceptron

ROWS = (1, 1_000, 1_000_000)
NETWORK = multilayer_perceptron(50, (256, 256), 3, activation=RELU, loss=SoftmaxCrossEntropy())

PAUSE = 0.3
"""Seconds before each turn: threads of the side before spin for a while before they sleep."""

Answer = Callable[[np.ndarray], np.ndarray]


def sklearn_side(parameters: Parameters) -> Answer:
    """scikit-learn's regressor, whose predictions are the scores themselves."""
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(hidden_layer_sizes=(256, 256), max_iter=1)
    model.partial_fit(np.zeros((2, 50), np.float32), np.zeros((2, 3), np.float32))
    model.coefs_ = [W.copy() for W in parameters.W]
    model.intercepts_ = [b.copy() for b in parameters.b]
    return model.predict


def torch_side(parameters: Parameters) -> Answer:
    """PyTorch in inference mode."""
    import torch

    layers: list[torch.nn.Module] = []
    for W, b in zip(parameters.W, parameters.b, strict=True):
        layer = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(W.T.copy()))
            layer.bias.copy_(torch.from_numpy(b.copy()))
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).eval()

    def answer(X: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(X)).numpy()

    return answer


def onnx_side(parameters: Parameters) -> Answer:
    """onnxruntime in this process."""
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, last = [], [], "X"
    for l, (W, b) in enumerate(zip(parameters.W, parameters.b, strict=True)):
        weights += [numpy_helper.from_array(W, f"W{l}"), numpy_helper.from_array(b, f"b{l}")]
        nodes.append(helper.make_node("Gemm", [last, f"W{l}", f"b{l}"], [f"Z{l}"]))
        last = f"Z{l}"
        if l < len(parameters.W) - 1:
            nodes.append(helper.make_node("Relu", [last], [f"A{l}"]))
            last = f"A{l}"
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["n", 50])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, ["n", 3])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return lambda X: session.run(None, {"X": X})[0]


def main() -> None:
    """Measure, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("rows", nargs="*", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-peers", action="store_true", help="chainrule alone")
    parser.add_argument("--json", type=Path, default=Path("prediction.json"))
    asked = parser.parse_args()
    parameters = initial_parameters(NETWORK, np.random.default_rng(0), dtype=np.float32)
    sides: dict[str, Answer] = {OURS: lambda X: compiled.scores(NETWORK, parameters, X)}
    for name, package, side in (
        ("scikit-learn", "sklearn", sklearn_side),
        ("PyTorch", "torch", torch_side),
        ("onnxruntime", "onnxruntime", onnx_side),
    ):
        if installed(package) and not asked.no_peers:
            sides[name] = side(parameters)

    found = []
    for n in asked.rows:
        X = np.random.default_rng(1).standard_normal((n, 50), dtype=np.float32)
        some = X[:1_000]
        expected = reference.scores(NETWORK, parameters.astype(np.float64), some.astype(np.float64))
        for name, side in sides.items():
            np.testing.assert_allclose(side(X)[:1_000], expected, 1e-3, 1e-4, err_msg=name)
        repeats = min(2_000, max(1, 100_000 // n))
        times: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(asked.rounds):
            for name, side in sides.items():
                time.sleep(PAUSE)
                side(X)  # threads that slept are awake after it
                start = time.perf_counter()
                for _ in range(repeats):
                    side(X)
                times[name].append((time.perf_counter() - start) / repeats * 1e6)
        case = f"{n:,} row" + "s" * (n > 1)
        mark = 10.0 if n == 1 else None
        for name, each in times.items():
            limit = mark if name == OURS else None
            found += [
                Measurement(case, name, statistics.median(each), "us", limit),
                Measurement(f"{case}, fastest round", name, min(each), "us", limit),
            ]
    show(found)
    write(asked.json, "prediction", found)


if __name__ == "__main__":
    main()
