"""``python -m tests.mutants [NAME…]``: what each mutant turns red, and the rules that none of them does."""

from __future__ import annotations

import sys
import time

import torch

from tests.mutants.detection import ALL, detect, rules
from tests.mutants.mutant import catalogue


def main(names: list[str]) -> None:
    """Print a line a mutant, with names what it was found by, and without names the rules that nothing turned red."""
    torch.set_num_threads(1)
    never = {rule.id for rule in rules()}
    for mutant in catalogue():
        if names and mutant.name not in names:
            continue
        started = time.perf_counter()
        found = detect(mutant, ALL)
        seconds = time.perf_counter() - started
        never.difference_update(found.failed)
        astray, missed = mutant.astray(found.failed), mutant.missed(found.failed)
        counts = f"{len(found.failed)} red, {len(missed)} missed, {len(astray)} astray"
        print(f"{mutant.area}/{mutant.name}: {counts} ({seconds:.2f} s)")
        for rule in found.failed if names else astray:
            print(f"    {'astray' if rule in astray else 'red'} {found.findings[rule]}")
        for pattern in missed:
            print(f"    missed {pattern}")
        for rule, why in found.broken.items():
            print(f"    broken {rule}: {why}")
    if not names:
        print(f"never red ({len(never)} of {len(rules())} rules):", *sorted(never), sep="\n    ")


if __name__ == "__main__":
    main(sys.argv[1:])
