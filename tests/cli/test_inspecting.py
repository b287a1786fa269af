"""``check``, ``list``, ``explain`` and ``repro``: looking at rules without running them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Say
from tests.workshop import Workshop, rule

#: Prints which of the expensive or absent packages a command has imported.
THEN_IMPORTED = """
    import sys
    from conformance.cli import main
    status = main(sys.argv[1:])
    print(*[name for name in ("torch", "conformance.implementations.torch") if name in sys.modules], file=sys.stderr)
    sys.exit(status)
"""


class TestCheck:
    def test_well_formed_files_are_counted(self, say: Say, workshop: Workshop) -> None:
        """Rules and files, in the singular where there is one."""
        workshop.spec("pass")
        assert say("check", ".").out == "1 rule in 1 file: all well formed\n"
        workshop.spec("fail", name="other.conformance.yaml").write_text(
            (workshop.folder / "small.conformance.yaml").read_text(encoding="utf-8").replace("small", "other"),
            encoding="utf-8",
        )
        assert say("check", ".").out == "2 rules in 2 files: all well formed\n"

    def test_mistakes_are_reported_all_at_once_with_their_positions(self, say: Say, workshop: Workshop) -> None:
        """file:line:column, what was found, what to do; on stderr, with status 2."""
        path = workshop.spec(rule("one", "y = torch.ad(x, x)", "y: 2 * x"), rule("two", "y = x", "z: 2 * q"))
        lines = path.read_text(encoding="utf-8").splitlines()
        said = say("check", path.name)
        assert (said.status, said.out) == (2, "")
        problems = said.err.splitlines()
        row = next(number for number, line in enumerate(lines, 1) if "when: y = torch.ad(" in line)
        column = lines[row - 1].index("torch.ad(") + 1
        assert problems[0].startswith(f"small.conformance.yaml:{row}:{column}: ")
        assert "did you mean 'torch.add'?" in problems[0]
        assert any("'q'" in problem for problem in problems)
        assert problems[-1] == f"{len(problems) - 1} problems in spec files"

    def test_a_folder_without_spec_files_is_an_error(self, say: Say) -> None:
        """Nothing checked is not 'all well'."""
        said = say("check", ".")
        assert (said.status, said.out) == (2, "")
        assert said.err == "conformance: no spec file in . (a folder is searched for *.conformance.yaml)\n"

    def test_a_missing_file_is_named(self, say: Say) -> None:
        """With the system's reason."""
        said = say("check", "gone.conformance.yaml")
        assert said.status == 2
        assert said.err.startswith("gone.conformance.yaml:1:1: cannot be read: No such file")


class TestList:
    def test_a_line_for_each_rule_in_the_order_of_ids(self, say: Say, workshop: Workshop) -> None:
        """Id and sentence, in columns."""
        workshop.spec("fail", "pass")
        ids = [line.split()[0] for line in say("list", "--specs", ".").out.splitlines()]
        assert ids == ["small/adds", "small/negates"]

    @pytest.mark.parametrize(
        ("pattern", "ids"),
        [("small", ["small/adds", "small/negates"]), ("small/adds", ["small/adds"]), ("*/neg*", ["small/negates"])],
    )
    def test_patterns_are_ids_topics_and_globs(
        self, say: Say, workshop: Workshop, pattern: str, ids: list[str]
    ) -> None:
        """As in every other command."""
        workshop.spec("pass", "fail")
        listed = json.loads(say("list", "--specs", ".", "--format", "json", pattern).out)
        assert [one["id"] for one in listed] == ids

    def test_json_has_what_other_programs_need(self, say: Say, workshop: Workshop) -> None:
        """Level, sources, capabilities, releases and the position in the file."""
        workshop.spec(
            rule("old", "y = torch.add(x, x)", "y: 2 * x", more="level: should\nsince: 2.10\nmyth: It is not.\n")
        )
        [one] = json.loads(say("list", "--specs", ".", "--format", "json").out)
        assert one["capabilities"]
        assert {key: one[key] for key in one if key != "capabilities"} == {
            "id": "small/old", "says": "What y = torch.add(x, x) leaves behind.", "level": "should",
            "sources": ["torch.add"], "since": "2.10", "until": None, "myth": "It is not.",
            "file": "small.conformance.yaml", "line": 4,
        }  # fmt: skip

    def test_a_pattern_that_matches_nothing_is_answered_with_the_nearest(self, say: Say, workshop: Workshop) -> None:
        """Status 3: nothing was listed."""
        workshop.spec("pass")
        said = say("list", "--specs", ".", "smal/adds")
        assert (said.status, said.out) == (3, "")
        assert said.err == "conformance: no rule matches 'smal/adds' (did you mean 'small/adds'?)\n"


class TestExplain:
    def test_shows_the_rule_and_a_script(self, say: Say, workshop: Workshop) -> None:
        """Sentence, level, sources, position, YAML as written, and a script."""
        workshop.spec("fail")
        said = say("explain", "--specs", ".", "small/negates")
        assert said.status == 0
        for part in (
            "small/negates  (must)\n\nNegation changes the sign.\n", "Source: torch.add\n",
            "Stated in small.conformance.yaml:4\n", "\nwhen: y = torch.neg(x)\n", "import torch\n",
        ):  # fmt: skip
            assert part in said.out

    def test_shows_what_only_some_rules_have(self, say: Say, workshop: Workshop) -> None:
        """A myth, a disagreement with its link, and the releases."""
        more = "level: de-facto\nmyth: It trebles.\nsince: 2.1\nuntil: 2.99\n"
        more += "disagreement: {says: It trebles., upstream: issue 1}\n"
        workshop.spec(rule("odd", "y = torch.add(x, x)", "y: 2 * x", more=more))
        out = say("explain", "--specs", ".", "small/odd").out
        assert "Myth: It trebles.\n" in out
        assert "The documentation says: It trebles. issue 1\n" in out
        assert "torch: since 2.1, until 2.99\n" in out

    def test_takes_the_id_of_a_case_as_well(self, say: Say, workshop: Workshop) -> None:
        """What a failure printed can be pasted."""
        workshop.spec("pass")
        assert "small/adds  (must)" in say("explain", "--specs", ".", "small/adds[times=3-tiny-cpu]").out

    def test_an_unknown_rule_is_answered_with_the_nearest(self, say: Say, workshop: Workshop) -> None:
        """Or with where to look."""
        workshop.spec("pass")
        said = say("explain", "--specs", ".", "small/ads")
        assert (said.status, said.err) == (
            2, "conformance: no rule is called 'small/ads' (did you mean 'small/adds'?)\n",
        )  # fmt: skip
        assert say("explain", "--specs", ".", "q").err.endswith("('conformance list' prints all ids)\n")


class TestWithoutTorch:
    @pytest.fixture(autouse=True)
    def _no_torch(self, workshop: Workshop) -> None:
        workshop.without_torch()
        workshop.spec("pass", "fail")

    @pytest.mark.parametrize(
        "arguments",
        [["check", "."], ["list", "--specs", "."], ["explain", "--specs", ".", "small/adds"], ["check"], ["list"]],
        ids=" ".join,
    )
    def test_looking_at_rules_works(self, workshop: Workshop, arguments: list[str]) -> None:
        """Everything that runs no rule needs no torch, and imports none."""
        found = workshop.python(THEN_IMPORTED, *arguments)
        assert (found.returncode, found.stderr) == (0, "\n")
        assert found.stdout

    def test_the_blocker_does_block(self, workshop: Workshop) -> None:
        """Or the tests of this class would show nothing."""
        assert "No module named 'torch'" in workshop.python("import torch").stderr

    def test_explain_has_a_script_for_torch_all_the_same(self, workshop: Workshop) -> None:
        """It is text."""
        assert "import torch\n" in workshop.conformance("explain", "--specs", ".", "small/adds").stdout


def test_check_and_list_do_not_import_torch_where_it_is_installed(workshop: Workshop) -> None:
    """They answer at once on every machine."""
    pytest.importorskip("torch")
    workshop.spec("pass")
    for arguments in (["check", "."], ["list", "--specs", "."]):
        assert workshop.python(THEN_IMPORTED, *arguments).stderr == "\n"


class TestRepro:
    def test_the_script_of_a_case_of_ones_own_implementation_runs_alone(self, say: Say, workshop: Workshop) -> None:
        """It needs the implementation and nothing of this project, and passes and fails as the case does."""
        workshop.spec("pass", "fail")
        for case, status in (("small/adds[times=5-tiny-cpu]", 0), ("small/negates[tiny-cpu]", 1)):
            said = say("repro", "--specs", ".", case)
            assert (said.status, said.err) == (0, "")
            assert "conformance" not in [line.split()[1] for line in said.out.splitlines() if line.startswith("import")]
            script = workshop.folder / "case.py"
            script.write_text(said.out, encoding="utf-8")
            assert _exit_status(script) == status

    def test_a_rule_and_an_implementation_will_do(self, say: Say, workshop: Workshop) -> None:
        """Then it is the first case."""
        workshop.spec("pass")
        assert "small/adds[times=3-tiny-cpu]" in say("repro", "--specs", ".", "-i", "tiny", "small/adds").out

    def test_an_adapter_is_found_by_the_name_in_the_case(self, say: Say, workshop: Workshop) -> None:
        """Case ids have a dot where the command line had a colon."""
        workshop.spec("pass")
        text = "import tiny\nfrom conformance.implementations import Implementation\n"
        text += "class Adapter(Implementation):\n    def __init__(self):\n        super().__init__(tiny)\n"
        (workshop.folder / "adapted_tiny.py").write_text(text, encoding="utf-8")
        said = say("repro", "--specs", ".", "small/adds[times=5-adapted_tiny.Adapter-cpu]")
        assert (said.status, said.err) == (0, "")

    @pytest.mark.parametrize(
        ("case", "complaint"),
        [
            ("small/adds[times=4-tiny-cpu]", "no case is called 'small/adds[times=4-tiny-cpu]' (did you mean 'times="),
            ("small/adds[times=3-tiny-cuda]", "no case is called 'small/adds[times=3-tiny-cuda]' (did you mean"),
            ("small/adds[times=3-nobody-cpu]", "no implementation is called 'nobody'"),
            ("small/ad[times=3-tiny-cpu]", "no rule is called 'small/ad' (did you mean 'small/adds'?)"),
        ],
    )
    def test_what_cannot_be_found_is_named(self, say: Say, workshop: Workshop, case: str, complaint: str) -> None:
        """Rule, implementation and case are told apart."""
        workshop.spec("pass")
        said = say("repro", "--specs", ".", case)
        assert (said.status, said.out) == (2, "")
        assert said.err.startswith(f"conformance: {complaint}")

    def test_a_rule_of_another_release_says_so(self, say: Say, workshop: Workshop) -> None:
        """There is no case, hence no script."""
        workshop.spec(rule("past", "y = torch.add(x, x)", "y: 2 * x", more="until: 2.0\n"))
        said = say("repro", "--specs", ".", "-i", "tiny", "small/past")
        assert (said.status, said.err) == (2, "conformance: tiny follows torch 2.13 and does not claim small/past\n")


def _exit_status(script: Path) -> int:
    return subprocess.run([sys.executable, script.name], cwd=script.parent, capture_output=True, check=False).returncode
