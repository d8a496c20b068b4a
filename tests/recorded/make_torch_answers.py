"""Records what PyTorch answers, in torch_answers.npz, for tests on machines without PyTorch.

    python tests/recorded/make_torch_answers.py

Run it again after adding an activation or a loss. It needs torch; the recorded file was made with
the version that it names. All inputs are numbers by formula, so only answers are recorded.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch

from core.cases import torch_cases
from recorded import torch_twins
from recorded.optimizer_walks import THIN

ANSWERS = Path(__file__).with_name("torch_answers.npz")


def main():
    answers = {"torch": np.array(torch.__version__)}
    for name, case in torch_cases().items():
        J, gradient = torch_twins.loss_and_gradient(case)
        answers[f"case/{name}"] = np.concatenate([[J], gradient])
    for name in torch_twins.OPTIMIZERS:
        answers[f"walk/{name}"] = torch_twins.walk(name)[THIN - 1 :: THIN]
    for name in torch_twins.SCHEDULES:
        answers[f"rates/{name}"] = torch_twins.rates(name)
    # one array of numbers and an index of names: a zip of 150 small files would be far larger
    names = [name for name in answers if name != "torch"]
    np.savez_compressed(
        ANSWERS,
        torch=answers["torch"],
        names=np.array(names),
        sizes=np.array([answers[name].size for name in names]),
        numbers=np.concatenate([answers[name].ravel() for name in names]),
    )
    print(f"{ANSWERS.name}: {len(names)} answers, {ANSWERS.stat().st_size} bytes")


if __name__ == "__main__":
    main()
