"""The examination: all checks of a model, its rows and the course of its training."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.doctor.case import Case, case_after_training, case_of_table
from chainrule.doctor.columns import collinear_or_constant, leakage, too_few_rows
from chainrule.doctor.course import gradients, learning_rate
from chainrule.doctor.distribution import another_distribution
from chainrule.doctor.finding import Finding
from chainrule.doctor.fit import never_predicted, overfitting
from chainrule.doctor.neurons import dead_relus, linear_collapse, saturated
from chainrule.doctor.target import label_noise, target_scale
from chainrule.experiment import Experiment
from chainrule.model import Model


@dataclass(frozen=True)
class Check:
    """A check: what it looks for, and what it cannot do without.

    Attributes:
        find: the findings of a case.
        needs_learnt: whether it needs the rows of the training.
        needs_unseen: whether it needs rows that were not learnt from.
    """

    find: Callable[[Case], Iterator[Finding]]
    needs_learnt: bool = False
    needs_unseen: bool = False


CHECKS: Mapping[str, Check] = {
    "leakage": Check(leakage),
    "validation rows of another kind": Check(another_distribution, True, True),
    "target scale": Check(target_scale),
    "learning rate": Check(learning_rate),
    "gradients by layer": Check(gradients),
    "no activation": Check(linear_collapse),
    "dead ReLUs": Check(dead_relus),
    "saturated neurons": Check(saturated),
    "overfitting": Check(overfitting, True, True),
    "classes never predicted": Check(never_predicted),
    "label noise": Check(label_noise),
    "few rows": Check(too_few_rows, True),
    "collinear or constant columns": Check(collinear_or_constant),
}
"""All checks, what is most important first."""

NOT_THE_TABLE = "this is not the table that the model was trained on"
NO_UNSEEN = "there are no rows that the model has not learnt from"


@dataclass(frozen=True)
class Examination:
    """What the doctor found.

    Attributes:
        findings: warnings first, then notes; of each the most important first.
        checked: names of the checks that were made.
        not_checked: names of those that could not be, and why.
        n_learnt: training rows, 0 where the table is another one.
        n_unseen: rows that were not learnt from.
    """

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_checked: Mapping[str, str]
    n_learnt: int
    n_unseen: int

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that want something done."""
        return tuple(one for one in self.findings if one.severity == "warning")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """The findings that are good to know."""
        return tuple(one for one in self.findings if one.severity == "note")

    def to_dict(self) -> dict[str, Any]:
        """The examination as plain data."""
        return {
            "findings": [one.to_dict() for one in self.findings],
            "checked": list(self.checked),
            "not_checked": dict(self.not_checked),
            "training_rows": self.n_learnt,
            "rows_not_learnt_from": self.n_unseen,
        }


def examine(model: Model, table: Any, validation: Any = None) -> Examination:
    """Examine a model on a table with its target.

    Args:
        model: with its history.
        table: best the one that the model was trained on: it is recognised by what the training
            recorded, and the split of the training is found again. The rows of any other table
            count as rows that were not learnt from, and fewer checks can be made.
        validation: a table of rows that were not learnt from, if the model was judged by one, or
            one whose likeness to `table` is in question.

    Raises:
        TableError: a table that does not fit the model.
    """
    return examined(case_of_table(model, table, validation))


def examine_training(experiment: Experiment, model: Model, member: int = 0) -> Examination:
    """Examine a model that was just trained, on the rows of its experiment.

    Args:
        experiment: that it was trained in.
        model: of which the first member is examined.
        member: the number of that member in the experiment, where not all were finished.
    """
    return examined(case_after_training(experiment, model, member))


def examined(case: Case) -> Examination:
    """Make all checks that the case has the rows for."""
    findings: list[Finding] = []
    not_checked = {}
    for name, check in CHECKS.items():
        if check.needs_learnt and case.learnt is None:
            not_checked[name] = NOT_THE_TABLE
        elif check.needs_unseen and case.unseen is None:
            not_checked[name] = NO_UNSEEN
        else:
            findings += check.find(case)
    findings.sort(key=lambda one: one.severity != "warning")
    return Examination(
        findings=tuple(findings),
        checked=tuple(name for name in CHECKS if name not in not_checked),
        not_checked=not_checked,
        n_learnt=0 if case.learnt is None else case.learnt.n,
        n_unseen=0 if case.unseen is None else case.unseen.n,
    )
