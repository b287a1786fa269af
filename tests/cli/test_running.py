"""``conformance run`` as a user meets it: verdicts, exit statuses, and inputs that are wrong."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from pathlib import Path

import pytest

from conformance.results.reading import read_results
from tests.cli.conftest import Say
from tests.workshop import Workshop, many, rule


class TestVerdicts:
    def test_a_run_that_conforms(self, workshop: Workshop) -> None:
        """Status 0, the denominator on stdout, nothing on stderr, and a finished file."""
        workshop.spec("pass", "unsupported", "unspecified")
        found = workshop.run()
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.splitlines() == [
            "tiny on cpu",
            "    1 of 1 applicable must-rules conform; 1 unsupported, 0 not run, 1 unspecified",
            "    cases: 2 pass, 1 unspecified, 1 unsupported",
        ]
        assert read_results(workshop.results).end is not None

    def test_a_run_that_fails_shows_what_and_how_to_go_on(self, workshop: Workshop) -> None:
        """Each finding, and a command that can be pasted: it runs in the same folder as it stands."""
        workshop.spec("pass", "fail")
        found = workshop.run()
        assert found.returncode == 1
        assert "FAIL  small/negates[tiny-cpu]\n    y: expected [-1.5 , 2.25, -4. ], observed" in found.stdout
        assert "1 of 2 applicable must-rules conform" in found.stdout
        command = "conformance repro --specs . 'small/negates[tiny-cpu]'"
        assert f"Reproduce one with: {command}\n" in found.stdout
        assert workshop.conformance("repro", "--specs", ".", "small/negates[tiny-cpu]").returncode == 0

    def test_a_crash_costs_its_own_case_only(self, workshop: Workshop) -> None:
        """The process that died is replaced; the signal is named; every other case has its line."""
        workshop.spec("pass", "crash", "fail")
        found = workshop.run()
        assert found.returncode == 1
        assert list(workshop.statuses().values()) == ["pass", "pass", "crash", "fail"]
        assert "CRASH  small/dies[tiny-cpu]  the process was ended by SIGABRT" in found.stdout

    @pytest.mark.parametrize(("status", "code"), [("error", 3), ("unsupported", 3), ("unspecified", 0)])
    def test_other_exit_statuses(self, workshop: Workshop, status: str, code: int) -> None:
        """A broken harness and a run that executed nothing are neither 0 nor 1."""
        workshop.spec(status)
        found = workshop.run()
        assert found.returncode == code
        assert [*workshop.statuses().values()] == [status]

    def test_quiet_prints_the_verdicts_only(self, workshop: Workshop) -> None:
        """For scripts."""
        workshop.spec("fail")
        assert workshop.run("-q").stdout.splitlines()[0] == "tiny on cpu"

    def test_many_failures_are_cut_and_the_rest_counted(self, workshop: Workshop) -> None:
        """A terminal is no results file."""
        workshop.spec(many(60).replace("torch.add(x, x)", "torch.neg(x)"))
        found = workshop.run()
        assert found.stdout.count("FAIL  ") == 50
        assert "… and 10 more; -o FILE keeps them all" in found.stdout

    def test_what_an_implementation_prints_is_not_among_the_results(self, workshop: Workshop) -> None:
        """Stdout is the command's own."""
        workshop.spec("pass")
        with (workshop.folder / "tiny.py").open("a", encoding="utf-8") as file:
            file.write("\nprint('hello from tiny')\n")
        assert "hello" not in workshop.run().stdout

    def test_several_implementations_and_devices_each_have_a_verdict(self, workshop: Workshop) -> None:
        """In the order given, and each once however often it is named."""
        workshop.spec("pass")
        (workshop.folder / "two.py").write_text(
            "from tiny import *\ndef devices():\n    return ['cpu', 'abacus']\n", encoding="utf-8"
        )
        found = workshop.run("-i", "two", "-i", "tiny")
        verdicts = [line for line in found.stdout.splitlines() if not line.startswith(" ")]
        assert verdicts == ["tiny on cpu", "two on cpu", "two on abacus"]
        again = workshop.conformance("run", "-i", "two", "-d", "abacus", "-d", "abacus", "--specs", ".")
        assert "abacus\n    1 of 1 applicable" in again.stdout
        assert "cases: 2 pass\n" in again.stdout


class TestWrongInput:
    def test_an_unknown_rule_is_answered_with_the_nearest(self, say: Say, workshop: Workshop) -> None:
        """Also beside a pattern that matches: a misspelt one must not narrow the run unnoticed."""
        workshop.spec("pass")
        said = say("run", "-i", "tiny", "--specs", ".", "small/adds", "smal/adds")
        assert (said.status, said.out) == (3, "")
        assert said.err == "conformance: no rule matches 'smal/adds' (did you mean 'small/adds'?)\n"

    def test_an_unknown_implementation_leaves_the_file_of_an_earlier_run(self, workshop: Workshop) -> None:
        """The file is opened at the first result: a typing error costs nobody an hour's results."""
        workshop.spec("pass")
        workshop.results.write_text("an hour's results", encoding="utf-8")
        found = workshop.conformance("run", "-i", "tiyn", "--specs", ".", "-o", workshop.results.name)
        assert (found.returncode, found.stdout) == (2, "")
        assert found.stderr.startswith("conformance: no implementation is called 'tiyn' (known: torch, reference")
        assert workshop.results.read_text(encoding="utf-8") == "an hour's results"

    def test_an_unknown_device_is_answered_with_those_there_are(self, workshop: Workshop) -> None:
        """One sentence."""
        workshop.spec("pass")
        found = workshop.run("-d", "cuda:7")
        assert (found.returncode, found.stderr) == (2, "conformance: tiny has no device 'cuda:7' (it has cpu)\n")

    def test_torch_that_is_not_installed(self, workshop: Workshop) -> None:
        """Named, it is one sentence with the way on; unnamed, the reference is run instead."""
        workshop.without_torch()
        workshop.spec("pass")
        found = workshop.conformance("run", "-i", "torch", "--specs", ".")
        assert found.returncode == 2
        assert "torch is not installed (install it, or run '-i reference'" in found.stderr
        assert "Traceback" not in found.stderr
        assert workshop.conformance("run", "-d", "cpu", "--specs", ".").stdout.startswith("reference on cpu\n")

    def test_a_spec_file_with_a_typing_error(self, say: Say, workshop: Workshop) -> None:
        """file:line:column on stderr, status 2, and no traceback of ours."""
        path = workshop.spec("pass")
        path.write_text(path.read_text(encoding="utf-8").replace("    given:", "    givne:"), encoding="utf-8")
        said = say("run", "-i", "tiny", "--specs", path.name)
        assert (said.status, said.out) == (2, "")
        assert said.err.splitlines() == [
            "small.conformance.yaml:7:5: unknown key 'givne' (did you mean 'given'?)",
            "1 problem in spec files",
        ]

    def test_no_spec_file(self, say: Say) -> None:
        """An empty folder is named."""
        said = say("run", "--specs", ".")
        assert (said.status, said.err) == (
            2, "conformance: no spec file in . (a folder is searched for *.conformance.yaml)\n",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("output", "reason"),
        [(".", "Is a directory"), ("tiny.py/x.jsonl", "(File exists|Not a directory)"), ("/dev/full", "No space left")],
    )
    def test_an_output_that_cannot_be_written(self, workshop: Workshop, output: str, reason: str) -> None:
        """The path and the system's reason, and no traceback."""
        if output.startswith("/dev") and not Path(output).exists():
            pytest.skip("the system has no /dev/full")
        workshop.spec("pass")
        found = workshop.run("-o", output)
        assert found.returncode == 2
        assert re.fullmatch(rf"conformance: cannot write results to {output}: {reason}.*\n", found.stderr)

    def test_resuming_needs_a_file(self, say: Say, workshop: Workshop) -> None:
        """It cannot be guessed."""
        workshop.spec("pass")
        said = say("run", "-i", "tiny", "--specs", ".", "--resume")
        assert (said.status, said.err) == (2, "conformance: --resume needs the file to go on with (name it with -o)\n")

    def test_an_adapter_that_breaks_outside_any_case(self, workshop: Workshop) -> None:
        """Status 3, where it broke, and what was found before."""
        workshop.spec("pass")
        (workshop.folder / "broken.py").write_text(
            "from tiny import *\ndef devices():\n    raise OSError('no abacus here')\n", encoding="utf-8"
        )
        found = workshop.run("-i", "broken")
        assert found.returncode == 3
        assert found.stdout.startswith("tiny on cpu\n    1 of 1 applicable must-rules conform")
        assert found.stderr == ("conformance: 'broken' broke outside any case: OSError: no abacus here (broken.py:3)\n")

    def test_a_module_that_ends_the_process_while_it_is_imported(self, workshop: Workshop) -> None:
        """Not a crash of the first case: no case had begun."""
        workshop.spec("pass")
        (workshop.folder / "deadly.py").write_text("import os\nos._exit(5)\n", encoding="utf-8")
        found = workshop.conformance("run", "-i", "deadly", "--specs", ".")
        assert found.returncode == 2
        assert found.stderr == (
            "conformance: the process of 'deadly' ended at once: the process exited with status 5\n"
        )


def test_a_property_leaves_nothing_where_the_user_works(workshop: Workshop) -> None:
    """What Hypothesis keeps for the next time lies with other caches."""
    drawn = rule("adds", "y = torch.add(x, x)", "y: 2 * x").replace("{x: [1.5, -2.25, 4]}", "{x: {any: tensor}}")
    workshop.spec(drawn)
    before = {path.name for path in workshop.folder.iterdir()}
    found = workshop.run(env=workshop.environment(XDG_CACHE_HOME=str(workshop.folder.parent / "cache")))
    assert found.returncode == 0
    assert {path.name for path in workshop.folder.iterdir()} - before <= {"results.jsonl", "__pycache__"}
    assert (workshop.folder.parent / "cache" / "torch-conformance" / "hypothesis").is_dir()


def test_a_rule_of_another_release_makes_no_case(workshop: Workshop) -> None:
    """A run of which nothing is claimed executes nothing."""
    workshop.spec(rule("past", "y = torch.add(x, x)", "y: 2 * x", more="until: 2.0\n"))
    found = workshop.run()
    assert found.returncode == 3
    assert found.stdout == "tiny on cpu\n    cases: none\n"


def test_a_terminal_sees_progress_on_stderr_and_results_on_stdout(workshop: Workshop) -> None:
    """The bar names the implementation, counts cases and failures, and never mixes with what a script reads."""
    pty = pytest.importorskip("pty", reason="the system has no pseudo-terminals")
    workshop.spec("pass", "fail")
    ours, theirs = pty.openpty()
    environment = workshop.environment(TERM="xterm", COLUMNS="100")
    found = workshop.run(capture_output=False, stdout=subprocess.PIPE, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError), open(ours, "rb", buffering=0) as terminal:
        while piece := terminal.read(4096):
            shown += piece
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "tiny on cpu, 1 failed" in text
    assert "3/3" in text
    assert found.stdout.startswith("FAIL  small/negates[tiny-cpu]\n")


class TestKnownFailures:
    def test_a_run_whose_failures_are_all_known(self, workshop: Workshop) -> None:
        """Status 0; the failure is counted by itself, is not shown again, and is a failure in the results."""
        workshop.spec("pass", "fail")
        workshop.known("rules: small/negates, reason: not yet")
        found = workshop.run("--known", "known.yaml")
        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.splitlines() == [
            "tiny on cpu",
            "    1 of 2 applicable must-rules conform; 1 known failure; 0 unsupported, 0 not run",
            "    cases: 1 fail (1 known), 2 pass",
        ]
        assert workshop.statuses()["small/negates[tiny-cpu]"] == "fail"

    def test_a_stale_entry_fails_the_run_and_says_what_to_do(self, workshop: Workshop) -> None:
        """Status 1, with file, line and column, also where nothing but the verdicts is wanted."""
        workshop.spec("pass", "fail")
        workshop.known("rules: small/negates, reason: not yet", "rules: [small/adds, no-such/rule], reason: r")
        found = workshop.run("-q", "--known", "known.yaml")
        assert found.returncode == 1
        assert found.stdout.splitlines()[3:] == [
            "stale known failures:",
            "    known.yaml:3:5: 'no-such/rule' matches no case that ran "
            "(it may be misspelt, or gone: correct or remove it)",
            "    known.yaml:3:5: all 2 cases of this entry pass now (remove the entry)",
        ]

    @pytest.mark.parametrize(("status", "code"), [("crash", 1), ("error", 3)])
    def test_no_entry_excuses_a_crash_or_an_error(self, workshop: Workshop, status: str, code: int) -> None:
        """They are shown and cost the run what they always cost."""
        workshop.spec("pass", status)
        workshop.known("rules: [small/dies, small/breaks], reason: not yet")
        found = workshop.run("--known", "known.yaml")
        assert found.returncode == code
        assert f"{status.upper()}  small/" in found.stdout

    def test_a_narrowed_run_judges_what_it_ran(self, workshop: Workshop) -> None:
        """By a selection, and by a spec file named by itself."""
        workshop.spec("pass", "fail")
        workshop.known("rules: small/negates, reason: not yet", "rules: other/rule, reason: not here")
        assert workshop.run("--known", "known.yaml").returncode == 1
        assert workshop.run("--known", "known.yaml", "small/negates").returncode == 0
        arguments = ("run", "-i", "tiny", "--specs", "small.conformance.yaml", "--known", "known.yaml")
        assert workshop.conformance(*arguments).returncode == 0

    def test_a_wrong_file_is_status_2_before_anything_runs(self, say: Say, workshop: Workshop) -> None:
        """With every mistake at its position."""
        workshop.spec("pass")
        workshop.known("rules: small/negates", "reason: r")
        said = say("run", "-i", "tiny", "--specs", ".", "--known", "known.yaml")
        assert (said.status, said.out) == (2, "")
        assert said.err.splitlines() == [
            "known.yaml:2:5: 'reason:' is missing (every entry of this kind has it)",
            "known.yaml:3:5: neither 'rules:' nor 'cases:' stands here (an entry says what is known to fail)",
            "2 problems in the known-failures file",
        ]


class TestShards:
    def test_shards_are_together_the_whole_run(self, workshop: Workshop) -> None:
        """Each case in one of them; the files say which part they are, and that the rules are the same."""
        workshop.spec("pass", "fail", "unsupported", "unspecified")
        workshop.run()
        whole, parts = workshop.statuses(), []
        digest = read_results(workshop.results).run.rules_digest
        for number in (1, 2):
            workshop.run("--shard", f"{number}/2")
            found = read_results(workshop.results)
            assert (found.run.shard, found.run.rules_digest, found.run.rules) == (f"{number}/2", digest, 4)
            assert [(one.shard, one.planned) for one in found.subjects] == [(f"{number}/2", len(found.cases))]
            parts.append(workshop.statuses())
        assert all(parts)
        assert not parts[0].keys() & parts[1].keys()
        assert parts[0] | parts[1] == whole

    def test_another_shard_cannot_be_resumed(self, workshop: Workshop) -> None:
        """Its cases would be counted as those of the first."""
        workshop.spec("pass", "fail")
        workshop.run("--shard", "1/2")
        for shard in (["--shard", "2/2"], []):
            found = workshop.run("--resume", *shard)
            assert found.returncode == 2
            assert "results.jsonl was written for shard 1/2 (leave out --resume" in found.stderr
