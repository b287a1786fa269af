"""Spec files of any size: the suite's own rules again and again, or plain rules with many rows."""

from __future__ import annotations

import re
from pathlib import Path

from conformance.rules.loading import spec_files

_ROWS = 100
_PER_FILE = 50
_RULE = """\
  - id: {topic}/sum-of-squares-{index}
    says: The gradient of a sum of squares is twice the argument.
    source: torch.Tensor.backward
    with: {{factor: {factors}, power: [1, 2, 3, 4, 5]}}
    given:
      x: {{values: [1, 2, 3], requires_grad: true}}
    when: |
      y = (factor * x ** power).sum()
      y.backward()
    then:
      x.grad: {{values: {index} * 0 + factor * power * x ** (power - 1), requires_grad: false}}
"""


def write_rules(folder: Path, cases: int) -> None:
    """Spec files with ``cases`` cases, a multiple of 100, under ``folder``."""
    rules = cases // _ROWS
    for number, first in enumerate(range(0, rules, _PER_FILE)):
        topic = f"many-{number}"
        factors = list(range(1, _ROWS // 5 + 1))
        body = [
            _RULE.format(topic=topic, index=index, factors=factors)
            for index in range(first, min(first + _PER_FILE, rules))
        ]
        text = f"topic: {topic}\ntitle: Many rules\nrules:\n" + "".join(body)
        (folder / f"{topic}.conformance.yaml").write_text(text, "utf-8")


def copy_rules(folder: Path, at_least: int) -> int:
    """Copies of the suite's files, under other topics, until there are ``at_least`` rules; how many there are."""
    written = turn = 0
    while written < at_least:
        turn += 1
        for path in spec_files():
            text = path.read_text("utf-8")
            topic = re.findall(r"(?m)^topic: (\S+)", text)[0]
            text = re.sub(rf"(?m)^topic: {topic}$", f"topic: {topic}-{turn}", text)
            text, count = re.subn(rf"(?m)^(  - id: {topic})/", rf"\g<1>-{turn}/", text)
            (folder / f"{path.stem}-{turn}.conformance.yaml").write_text(text, "utf-8")
            written += count
            if written >= at_least:
                break
    return written
