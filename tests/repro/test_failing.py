"""Results carry a script for the first bad case of each rule, which fails as the case did."""

from __future__ import annotations

import subprocess
import sys

from tests.workshop import Workshop, many, rule


def scripts(workshop: Workshop) -> dict[str, str]:
    """The scripts in the results file, by the id of their case."""
    return {line["id"]: line["script"] for line in workshop.lines() if "script" in line}


def test_the_first_bad_case_of_a_rule_has_a_script_that_fails(workshop: Workshop) -> None:
    """One of two cases, and none of a rule that passes or is unsupported; run by itself it shows the same fault."""
    wrong = rule("negates", "y = torch.neg(x)", "y: -x", more="with: {n: [3, 5]}\n")
    workshop.spec("pass", wrong, "unsupported")
    workshop.run()
    found = scripts(workshop)
    assert list(found) == ["small/negates[n=3-tiny-cpu]"]
    (workshop.folder / "fault.py").write_text(*found.values(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "fault.py"], cwd=workshop.folder, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1
    assert "y: expected [-1.5, 2.25, -4.0], observed [1.5, -2.25, 4.0]" in done.stdout


def test_a_crash_and_a_hang_have_one(workshop: Workshop) -> None:
    """They are written by the process that goes on, which does not run the case."""
    workshop.spec("crash", "hang")
    workshop.run("--timeout", "3")
    assert sorted(scripts(workshop)) == ["small/dies[tiny-cpu]", "small/stays[tiny-cpu]"]


def test_a_property_that_ends_the_process_has_none(workshop: Workshop) -> None:
    """Its values are gone with the process, and drawing them anew would end the next."""
    drawn = rule("dies", "y = torch.exp(x)", "y: np.exp(x)").replace("{x: [1.5, -2.25, 4]}", "{x: {any: tensor}}")
    workshop.spec(drawn, many(2))
    workshop.run()
    assert workshop.statuses()["small/dies[tiny-cpu]"] == "crash"
    assert scripts(workshop) == {}


def test_pytest_writes_it_too(workshop: Workshop) -> None:
    """One results file is like another."""
    workshop.spec(rule("negates", "y = torch.neg(x)", "y: -x", more="with: {n: [3, 5]}\n"))
    workshop.python(
        "import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))",
        "-q", "-p", "no:cacheprovider", "--conformance-impl=tiny", "--conformance-results=results.jsonl", ".",
    )  # fmt: skip
    assert list(scripts(workshop)) == ["small/negates[n=3-tiny-cpu]"]


def test_what_an_implementation_cannot_read_is_no_second_fault(workshop: Workshop) -> None:
    """A tensor without cpu() is unsupported where it is read; what failed before is all that the script shows."""
    tiny = workshop.folder / "tiny.py"
    tiny.write_text(tiny.read_text(encoding="utf-8").replace("    cpu = detach\n", ""), encoding="utf-8")
    workshop.spec(rule("stays", "[torch.neg(x), raised]", "x: x").replace("when: [torch.neg(x), raised]", _RAISES))
    workshop.run()
    [text] = scripts(workshop).values()
    (workshop.folder / "fault.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "fault.py"], cwd=workshop.folder, capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 1)
    assert done.stdout.endswith("expected RuntimeError, observed no error\n")


_RAISES = """when: |
      with raises(RuntimeError):
          torch.neg(x)"""
