"""The doctor: what went wrong in a training or could, with the evidence and what to try next.

    examination = examine(model, table)
    for finding in examination.findings:
        print(finding.name, finding.sentence, finding.evidence, finding.next_step)

Its checks are pure functions of a model, encoded rows and the history of the training. A threshold
is a name in the module of its check, and says what it was measured on.
"""

from chainrule.doctor.examination import Examination, examine, examine_training
from chainrule.doctor.finding import Finding, NextStep

__all__ = ["Examination", "Finding", "NextStep", "examine", "examine_training"]
