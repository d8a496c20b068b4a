"""A second way to an answer: the model file read and computed by Python's standard library alone.

It shares nothing with the rest of the library: no NumPy, no reader, no engine. What both ways agree
on, neither of them has invented. It is slow, and meant for a few rows.
"""

import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import erf, exp, log1p, sqrt, tanh
from pathlib import Path
from typing import Any

Vector = Sequence[float]

Layer = tuple[list[list[float]], list[float], str]
"""Weights by row, biases, and the name of the activation."""


def sigmoid(z: float) -> float:
    """1 / (1 + e^-z), without overflow."""
    return 1 / (1 + exp(-z)) if z > 0 else exp(z) / (1 + exp(z))


def softplus(z: float) -> float:
    """ln(1 + e^z), without overflow."""
    return max(z, 0.0) + log1p(exp(-abs(z)))


def softmax(scores: Vector) -> list[float]:
    """e^s / sum of all e^s."""
    powers = [exp(s - max(scores)) for s in scores]
    return [power / sum(powers) for power in powers]


ACTIVATIONS: Mapping[str, Callable[[float], float]] = {
    "identity": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": lambda z: max(z, 0.0),
    "leaky_relu": lambda z: z if z > 0 else 0.01 * z,
    "elu": lambda z: z if z > 0 else exp(z) - 1,
    "selu": lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * (exp(z) - 1)),
    "gelu": lambda z: z * (1 + erf(z / sqrt(2))) / 2,
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * tanh(softplus(z)),
    "softplus": softplus,
}

LINKS: Mapping[str, Callable[[Vector], list[float]]] = {
    "squared": list,
    "absolute": list,
    "huber": list,
    "quantile": sorted,
    "poisson": lambda scores: [exp(s) for s in scores],
    "binary_cross_entropy": lambda scores: [sigmoid(s) for s in scores],
    "softmax_cross_entropy": softmax,
}


@dataclass(frozen=True)
class PlainModel:
    """A network as lists of numbers.

    Attributes:
        members: of each, the layers from the first to the last.
        loss: its name, which decides the link.
        checksum, computed: the SHA-256 that the file states, and that of its bytes.
    """

    members: tuple[tuple[Layer, ...], ...]
    loss: str
    checksum: str
    computed: str

    def predictions(self, x: Vector) -> list[float]:
        """The mean over the members of what the link makes of their scores, for one row."""
        found = [LINKS[self.loss](_scores(layers, x)) for layers in self.members]
        return [sum(each) / len(found) for each in zip(*found, strict=True)]


def _scores(layers: Sequence[Layer], x: Vector) -> Vector:
    for W, b, activation in layers:
        g = ACTIVATIONS[activation]
        x = [
            g(sum(x[i] * W[i][j] for i in range(len(x))) + b[j])  # one neuron
            for j in range(len(b))
        ]
    return x


def read_plainly(path: str | os.PathLike[str]) -> PlainModel:
    """The network of a model file that is known to be whole: it is not checked any further."""
    content = Path(path).read_bytes()
    (n_header,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + n_header])
    about = header.pop("__metadata__")
    document: dict[str, Any] = json.loads(about["document"])
    tensors = {}
    for name, entry in header.items():
        start, stop = (8 + n_header + offset for offset in entry["data_offsets"])
        letter, size = {"F32": ("f", 4), "F64": ("d", 8)}[entry["dtype"]]
        values = struct.unpack(f"<{(stop - start) // size}{letter}", content[start:stop])
        tensors[name] = (entry["shape"], list(values))
    members: list[tuple[Layer, ...]] = []
    for k in range(len(document["histories"])):
        layers: list[Layer] = []
        for l, layer in enumerate(document["layers"]):
            (d, h), numbers = tensors[f"members.{k}.layers.{l}.W"]
            W = [numbers[i * h : (i + 1) * h] for i in range(d)]
            layers.append((W, tensors[f"members.{k}.layers.{l}.b"][1], layer["activation"]))
        members.append(tuple(layers))
    checksum = about["checksum"].encode()
    zeroed = content.replace(checksum, b"0" * 64, 1)
    return PlainModel(
        tuple(members),
        document["loss"]["name"],
        checksum.decode(),
        hashlib.sha256(zeroed).hexdigest(),
    )
