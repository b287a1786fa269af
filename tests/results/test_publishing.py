"""What is kept of results in a repository."""

from __future__ import annotations

import json
from pathlib import Path

from conformance.results.model import CaseLine, RunLine, SubjectLine
from conformance.results.publishing import main
from conformance.results.writing import ResultsWriter
from conformance.running.outcome import Finding


def case(rule: str, status: str, **more: object) -> CaseLine:
    """A line of a case of torch on cpu."""
    return CaseLine(f"{rule}[torch-cpu]", rule, "", "torch", "cpu", "must", status, checks=1, **more)  # type: ignore[arg-type]


def test_published_file_has_the_verdict_and_what_did_not_pass(tmp_path: Path) -> None:
    """A small file per subject names the rules that passed, and for the others their status and why."""
    finding = Finding("values", "x.grad", "values", "2", "3", "must", 7)
    with ResultsWriter(tmp_path / "r.jsonl") as writer:
        writer.write(RunLine("0.1.0", 3, "d" * 16, "3.11", "Linux", "2026-01-01T00:00:00+00:00"))
        writer.write(SubjectLine("torch", "2.13.0", "2.13", "cpu", "cpu", 3))
        writer.write(case("a/good", "pass"))
        writer.write(case("a/bad", "fail", findings=(finding,)))
        writer.write(case("a/absent", "unsupported", reason="no torch.x"))
    main([str(tmp_path / "r.jsonl"), str(tmp_path / "out")])
    kept = json.loads((tmp_path / "out" / "torch-cpu.json").read_text(encoding="utf-8"))
    assert kept["rules_passed"] == ["a/good"]
    assert kept["other_rules"]["a/absent"] == {"status": "unsupported", "why": "no torch.x"}
    assert kept["other_rules"]["a/bad"]["why"] == "x.grad: expected 2, observed 3 [values]"
    assert kept["verdict"] == ["1 of 2 applicable must-rules conform; 1 unsupported, 0 not run"]
