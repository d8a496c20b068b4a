"""A model: what a training left behind, complete enough to answer for raw tables.

It holds how the columns become inputs, the network, its members, how predictions become answers in
the target's own terms, and how it was learnt. A member is one set of parameters for the network;
where there are several, they make an ensemble, whose prediction is the mean of theirs. A model is
saved as a model file (`model_file.py`).
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.activations import ACTIVATIONS
from chainrule.arrays import Floats
from chainrule.choices import choose
from chainrule.engines import Engine, reference
from chainrule.errors import InputError, ModelFileError
from chainrule.evaluation import Evaluation, evaluate_classification, evaluate_regression
from chainrule.losses import LOSSES, Loss, Quantile, central_output
from chainrule.model_file import read_model_file, write_model_file
from chainrule.network import Dense, Network, Parameters
from chainrule.plain import from_plain, to_plain
from chainrule.table import (
    TableEncoder,
    TargetEncoder,
    column_of,
    frame_of,
    row_weights,
    rows_with_target,
)
from chainrule.trace import Trace, trace_row

EpochFigures = Mapping[str, float | None]
"""What is kept of an epoch: "epoch", "rate", "loss", "validation loss", the metrics, and the sizes
of gradients by layer: "gradient.0", ..."""


@dataclass(frozen=True)
class Member:
    """One network of an ensemble, or the only one.

    Attributes:
        parameters: the best ones of its training.
        history: figures of every epoch.
    """

    parameters: Parameters
    history: tuple[EpochFigures, ...]


@dataclass(frozen=True)
class Model:
    """A trained network with the encoding of its table.

    Attributes:
        encoder: from columns to the d inputs.
        target: from the target to what the network learns, and back.
        network: the description, the same for every member.
        members: what was learnt, at least one.
        typical: the trivial answer, from the training rows: the share of each class, or the mean.
        training: how it was trained: the settings, numbers of rows, versions; plain data.
    """

    encoder: TableEncoder
    target: TargetEncoder
    network: Network
    members: tuple[Member, ...]
    typical: tuple[float, ...]
    training: Mapping[str, Any]

    @property
    def task(self) -> str:
        """What is predicted: "classification" or "regression"."""
        return self.target.task

    @property
    def parameters(self) -> Parameters:
        """Those of the first member."""
        return self.members[0].parameters

    @property
    def history(self) -> tuple[EpochFigures, ...]:
        """That of the first member."""
        return self.members[0].history

    def member(self, number: int) -> "Model":
        """The model with that member (from 0) alone.

        Raises:
            InputError: there is no such member.
        """
        if not 0 <= number < len(self.members):
            raise InputError(
                f"there is no network {number} (from 0) in this model, which has "
                f"{len(self.members)}."
            )
        return self.of([number])

    def of(self, numbers: Sequence[int]) -> "Model":
        """The model with these of its members."""
        return replace(self, members=tuple(self.members[k] for k in numbers))

    def in_float64(self) -> "Model":
        """The same model with all parameters as float64: then a row's answer is the same, but for
        the last of its digits, whatever rows are beside it.
        """
        members = [
            replace(one, parameters=one.parameters.astype(np.float64)) for one in self.members
        ]
        return replace(self, members=tuple(members))

    def scores(self, X: Floats, engine: Engine = reference) -> Floats:
        """Scores of every member for encoded rows: the sums of the last layer.

        Args:
            X: inputs, shape (n, d).
            engine: what computes.

        Returns:
            Shape (members, n, k).
        """
        return np.stack([engine.scores(self.network, one.parameters, X) for one in self.members])

    def predictions(self, X: Floats, engine: Engine = reference) -> Floats:
        """The mean of the members' predictions for encoded rows, in the terms of the network.

            p = mean over the members of link(scores)

        Args:
            X: inputs, shape (n, d).
            engine: what computes.

        Returns:
            Shape (n, k).
        """
        scores = self.scores(X, engine)
        return np.mean([self.network.loss.link(of_member) for of_member in scores], axis=0)

    def predict(self, table: Any) -> NDArray[Any]:
        """The answer for each row, shape (n,): a class, or a number in the target's unit.

        A model of quantiles answers with its level nearest to 1/2; `predict_quantiles` has all.
        """
        if self.task == "classification":
            classes = self.predict_probabilities(table).argmax(axis=1)
            return self.target.decode(classes)
        return self._numbers(table)[:, central_output(self.network.loss)]

    def predict_probabilities(self, table: Any) -> Floats:
        """The probability of each class, shape (n, k); columns in the order of `target.classes`."""
        if self.task != "classification":
            raise InputError(
                f"probabilities are of classes, but this model predicts the number "
                f"'{self.target.name}'."
            )
        return class_probabilities(self.predictions(self.encoder.encode(table)))

    def predict_quantiles(self, table: Any) -> Floats:
        """The quantile at each level of the loss, ascending, shape (n, q), in the target's unit."""
        if not self.levels:
            raise InputError(
                f"this model was trained with the loss '{self.network.loss.name}'; "
                "quantiles need --loss quantile:0.1,0.5,0.9."
            )
        return self._numbers(table)

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels that the model predicts quantiles at; () if it was not trained to."""
        loss = self.network.loss
        return loss.levels if isinstance(loss, Quantile) else ()

    def evaluate(self, table: Any, weight: str | None = None) -> Evaluation:
        """The figures of the model on rows that have the target.

        Args:
            table: with the target column; rows where it is missing are left out.
            weight: the column of row weights, if any.
        """
        frame = frame_of(table)
        target = column_of(frame, self.target.name, "target")
        known = rows_with_target(frame, self.target.name, self.target.missing)
        y = self.target.encode(target, known)
        row_weight = None if weight is None else row_weights(frame, weight, known)
        return self.judge(y, self.predictions(self.encoder.encode(frame, known)), row_weight)

    def trace(self, table: Any, row: int = 0, member: int = 0) -> Trace:
        """Every number of the way of one row through the network, and back if its target is known.

        Args:
            table: a data frame, or a mapping of columns to values for a single row.
            row: its number, from 0.
            member: of which member, from 0.

        Raises:
            InputError: the table has no such row, or the model no such member.
            TableError: a column is lacking, or holds what it did not hold in training.
        """
        parameters = self.member(member).parameters
        return trace_row(self.encoder, self.target, self.network, parameters, table, row=row)

    def judge(self, y: NDArray[Any], predictions: Floats, weight: Floats | None) -> Evaluation:
        """The figures of encoded targets and the network's predictions for them."""
        if self.task == "classification":
            return evaluate_classification(
                np.asarray(y).reshape(-1).astype(np.int64),
                class_probabilities(predictions),
                self.target.classes,
                np.array(self.typical),
                weight,
            )
        decoded = self.target.decode(predictions.astype(np.float64))
        return evaluate_regression(
            self.target.decode(np.asarray(y, dtype=np.float64))[:, 0],
            decoded[:, central_output(self.network.loss)],
            self.typical[0],
            weight,
        )

    def to_document(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """The model as plain data, and its weights and biases by name."""
        document = {
            "encoder": self.encoder.to_dict(),
            "target": self.target.to_dict(),
            "layers": [to_plain(_describe(layer)) for layer in self.network.layers],
            "loss": self.network.loss.to_dict(),
            "typical": list(self.typical),
            "histories": [[dict(figures) for figures in one.history] for one in self.members],
            "training": dict(self.training),
        }
        return document, _tensors([one.parameters for one in self.members])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file: whole or not at all.

        Raises:
            InputError: the file cannot be written there; says why.
        """
        write_model_file(path, *self.to_document())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Model":
        """Read a model file.

        Raises:
            ModelFileError: the file is missing, damaged, foreign, or from a newer chainrule.
        """
        document, tensors = read_model_file(path)
        try:
            return cls.from_document(document, tensors)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ModelFileError):
                raise ModelFileError(f"{os.fspath(path)}: {error}") from error
            raise ModelFileError(
                f"{os.fspath(path)}: the file is whole, but what it says is not a model "
                f"({type(error).__name__}: {error}); train and save the model again."
            ) from error

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
    ) -> "Model":
        """The model that `to_document` described.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it describes none.
        """
        known = {"encoder", "target", "layers", "loss", "typical", "histories", "training"}
        if set(document) != known:
            raise ValueError(f"it should hold {', '.join(sorted(known))}")
        layers = tuple(
            _layer(from_plain(LayerDescription, layer, f"layer {l}"))
            for l, layer in enumerate(document["layers"])
        )
        network = Network(layers, _loss(document["loss"]))
        histories = [tuple(map(dict, history)) for history in document["histories"]]
        if not histories:
            raise ValueError("it has no member")
        parameters = _parameters(network, tensors, len(histories))
        members = tuple(map(Member, parameters, histories))
        encoder = TableEncoder.from_dict(document["encoder"])
        target = TargetEncoder.from_dict(document["target"])
        if len(encoder.input_names) != network.n_inputs:
            raise ValueError("the columns do not fit the network")
        typical = tuple(float(share) for share in document["typical"])
        if len(typical) != (len(target.classes) or 1):
            raise ValueError("'typical' does not fit the target")
        return cls(encoder, target, network, members, typical, dict(document["training"]))

    def _numbers(self, table: Any) -> Floats:
        if self.task != "regression":
            raise InputError(f"'{self.target.name}' is a class, not a number.")
        predictions = self.predictions(self.encoder.encode(table))
        return self.target.decode(predictions.astype(np.float64))


def class_probabilities(predictions: Floats) -> Floats:
    """Probabilities of all classes (n, k): of two classes the network predicts the second only."""
    if predictions.shape[1] == 1:
        return np.hstack([1 - predictions, predictions])
    return predictions


@dataclass(frozen=True)
class LayerDescription:
    """A layer as plain data."""

    n_inputs: int
    n_outputs: int
    activation: str
    dropout: float


def _describe(layer: Dense) -> LayerDescription:
    return LayerDescription(
        layer.n_inputs, layer.n_outputs, layer.activation.name, float(layer.dropout)
    )


def _layer(described: LayerDescription) -> Dense:
    activation = choose("activation", described.activation, ACTIVATIONS)
    return Dense(described.n_inputs, described.n_outputs, activation, described.dropout)


def _tensors(members: Sequence[Parameters]) -> dict[str, Floats]:
    """The weights and biases by the names that they have in the file."""
    tensors = {}
    for k, parameters in enumerate(members):
        for l, (W, b) in enumerate(zip(parameters.W, parameters.b, strict=True)):
            tensors[f"members.{k}.layers.{l}.W"] = W
            tensors[f"members.{k}.layers.{l}.b"] = b
    return tensors


def _parameters(
    network: Network, tensors: Mapping[str, NDArray[Any]], n_members: int
) -> list[Parameters]:
    """The parameters of each member that `_tensors` named.

    Raises:
        ValueError: a tensor is lacking, unknown, of another shape or type, or not finite.
    """
    dtypes = {tensor.dtype for tensor in tensors.values()}
    if dtypes not in ({np.dtype("f4")}, {np.dtype("f8")}):
        raise ValueError("its tensors are not of one type of real numbers")
    dtype = dtypes.pop()
    members = [Parameters.zeros(network, dtype) for _ in range(n_members)]
    views = _tensors(members)
    if set(tensors) != set(views):
        raise ValueError("its tensors are not those of its layers")
    for name, view in views.items():
        if tensors[name].shape != view.shape or not np.isfinite(tensors[name]).all():
            raise ValueError(f"tensor {name} does not fit the network")
        view[...] = tensors[name]
    return members


def _loss(data: Mapping[str, Any]) -> Loss:
    fields = {key: value for key, value in data.items() if key != "name"}
    return from_plain(choose("loss", data["name"], LOSSES), fields, "loss")
