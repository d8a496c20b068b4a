"""A small table, and options that train on it in a moment."""

import random
from pathlib import Path

QUICK = ("--epochs", "3", "--hidden", "4", "--bins", "0", "--rate", "0.05")


def write_flowers(path: Path, n: int = 60) -> Path:
    """Rows of two sizes and a colour, whose species follows from the length."""
    draw = random.Random(0)
    lines = ["length,width,colour,species"]
    for i in range(n):
        length, width = draw.uniform(1, 5), draw.uniform(0.5, 2)
        species = "setosa" if length < 3 else "virginica"
        lines.append(f"{length:.2f},{width:.2f},{'red' if i % 3 else 'blue'},{species}")
    path.write_text("\n".join(lines) + "\n")
    return path
