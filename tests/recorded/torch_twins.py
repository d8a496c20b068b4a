"""What PyTorch makes of the cases of `core.cases`: the other side of the comparison.

Importing this needs torch. The tests use it live where torch is installed; `make_torch_answers.py`
records its answers for where it is not.
"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from recorded.optimizer_walks import SCHEDULE_BASE, SCHEDULE_STEPS, START, STEPS, slope

ACTIVATIONS = {
    "identity": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
}


def row_losses(loss, y, s):
    """The loss of each row, shape (n,)."""
    match loss.name:
        case "squared":
            each = F.mse_loss(s, y, reduction="none") / 2
        case "absolute":
            each = F.l1_loss(s, y, reduction="none")
        case "huber":
            each = F.huber_loss(s, y, delta=loss.delta, reduction="none")
        case "quantile":  # PyTorch has none; its automatic derivative of the definition
            r, q = y - s, torch.tensor(loss.levels, dtype=s.dtype)
            each = torch.where(r > 0, q * r, (q - 1) * r)
        case "poisson":
            each = F.poisson_nll_loss(s, y, log_input=True, full=False, reduction="none")
        case "binary_cross_entropy":
            q = y * (1 - loss.smoothing) + loss.smoothing / 2
            each = F.binary_cross_entropy_with_logits(s, q, reduction="none")
        case "softmax_cross_entropy":
            return F.cross_entropy(s, y, label_smoothing=loss.smoothing, reduction="none")
        case unknown:
            raise KeyError(unknown)
    return each.sum(dim=1)


def loss_and_gradient(case):
    """J and its gradient as a flat vector in the order of theta, both from `nn.Linear` modules."""
    modules, linears = [], []
    for layer, W, b in zip(case.network.layers, case.parameters.W, case.parameters.b, strict=True):
        linear = nn.Linear(layer.n_inputs, layer.n_outputs, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W.T))
            linear.bias.copy_(torch.tensor(b))
        linears.append(linear)
        modules += [linear, ACTIVATIONS[layer.activation.name]]
    s = nn.Sequential(*modules)(torch.tensor(case.rows.X))
    losses = row_losses(case.network.loss, torch.tensor(case.rows.y), s)
    weight = torch.ones(len(losses), dtype=torch.float64)
    if case.rows.weight is not None:
        weight = torch.tensor(case.rows.weight)
    J = (weight * losses).sum() / weight.sum()
    J = J + case.l2 / 2 * sum((linear.weight**2).sum() for linear in linears)
    J.backward()
    parts = [g.ravel() for linear in linears for g in (linear.weight.grad.T, linear.bias.grad)]
    return J.item(), torch.cat(parts).numpy()


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, momentum=0.0),
    "sgd_momentum": lambda p: torch.optim.SGD(p, momentum=0.9),
    "sgd_nesterov": lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p),
    "rmsprop_slow": lambda p: torch.optim.RMSprop(p, alpha=0.9, eps=1e-3),
    "adam": lambda p: torch.optim.Adam(p),
    "adam_other": lambda p: torch.optim.Adam(p, betas=(0.8, 0.95), eps=1e-4),
    "adamw": lambda p: torch.optim.AdamW(p),
    "adamw_strong": lambda p: torch.optim.AdamW(p, weight_decay=0.3),
}


def walk(name):
    """theta after each step of a walk of `optimizer_walks`, shape (STEPS, p)."""
    theta = nn.Parameter(torch.tensor(START))
    optimizer = OPTIMIZERS[name]([theta])
    path = np.empty((STEPS, len(START)))
    for t in range(STEPS):
        gradient, rate = slope(theta.detach().numpy(), t)
        optimizer.param_groups[0]["lr"] = rate
        theta.grad = torch.tensor(gradient)
        optimizer.step()
        path[t] = theta.detach().numpy()
    return path


def rates(name):
    """The learning rates of a schedule of SCHEDULE_STEPS steps."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=SCHEDULE_BASE)
    schedule = {
        "cosine": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, SCHEDULE_STEPS),
        "cosine_floor": lambda: torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, SCHEDULE_STEPS, eta_min=0.1 * SCHEDULE_BASE
        ),
        "one_cycle": lambda: torch.optim.lr_scheduler.OneCycleLR(
            optimizer, SCHEDULE_BASE, total_steps=SCHEDULE_STEPS
        ),
        "one_cycle_early": lambda: torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            SCHEDULE_BASE,
            total_steps=SCHEDULE_STEPS,
            pct_start=0.1,
            div_factor=10,
            final_div_factor=50,
        ),
    }[name]()
    found = []
    for _ in range(SCHEDULE_STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(found) < SCHEDULE_STEPS:
            schedule.step()
    return np.array(found)


SCHEDULES = ("cosine", "cosine_floor", "one_cycle", "one_cycle_early")
