"""Records the golden run in golden_run.json.

    python tests/recorded/make_golden_run.py

Run it again only when the numbers shall change, and say in the changelog why they do: a model
trained with a seed before is another model after.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from recorded.golden import golden_run

if __name__ == "__main__":
    epochs = golden_run()
    # theta of the first and the last epoch is enough to see where two runs part
    for epoch in epochs[1:-1]:
        del epoch["theta"]
    Path(__file__).with_name("golden_run.json").write_text(json.dumps(epochs, indent=1) + "\n")
