"""Which cases pytest collects, what they are called, and how they are chosen."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Project
from tests.workshop import rule

ADDS = [f"small.conformance.yaml::small/adds[times={n}-tiny-cpu]" for n in (3, 5)]
NEGATES = "small.conformance.yaml::small/negates[tiny-cpu]"
SINE = "small.conformance.yaml::small/sine[tiny-cpu]"


def collected(project: Project, *arguments: str, **options: str | None) -> list[str]:
    """The node ids that a session would run."""
    found = project.pytest("--collect-only", "-q", *arguments, **options)
    return [line for line in found.outlines if "::" in line]


@pytest.fixture(autouse=True)
def _spec(project: Project) -> None:
    project.spec("unsupported", "fail", "pass")


def test_an_item_for_each_case_in_the_order_of_ids(project: Project) -> None:
    """file::topic/slug[parameters-implementation-device], whatever the order in the file."""
    assert collected(project) == [*ADDS, NEGATES, SINE]


def test_spec_files_are_collected_where_they_lie(project: Project) -> None:
    """Beside tests, in any folder; other YAML files are left alone."""
    below = project.pytester.mkdir("below")
    (project.folder / "small.conformance.yaml").rename(below / "small.conformance.yaml")
    (project.folder / "settings.yaml").write_text("topic: [", encoding="utf-8")
    assert collected(project) == [f"below/{one}" for one in (*ADDS, NEGATES, SINE)]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (("-k", "negates"), [NEGATES]),
        (("-k", "adds and not sine"), ADDS),
        (("--conformance-rules", "small/adds"), ADDS),
        (("--conformance-rules", "*/s*", "--conformance-rules", "small/negates"), [NEGATES, SINE]),
        (("small.conformance.yaml::small/adds",), ADDS),
        ((ADDS[1],), [ADDS[1]]),
        ((NEGATES, ADDS[0]), [NEGATES, ADDS[0]]),
        (("--deselect", ADDS[0], "--deselect", SINE), [ADDS[1], NEGATES]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_ways_to_choose(project: Project, arguments: tuple[str, ...], ids: list[str]) -> None:
    """By keyword, by pattern, by rule and by case, in pytest's own ways."""
    assert collected(project, *arguments) == ids


def test_levels_are_marks(project: Project) -> None:
    """-m must, should, de_facto; registered, so that --strict-markers is content."""
    weak = [
        rule(level, "y = torch.add(x, x)", "y: 2 * x", more=f"level: {level}\n") for level in ("should", "de-facto")
    ]
    project.spec("pass", *weak)
    for mark, slugs in (
        ("must", ["adds", "adds"]),
        ("should", ["should"]),
        ("de_facto or should", ["de-facto", "should"]),
    ):
        ids = collected(project, "--strict-markers", "-m", mark)
        assert [one.partition("small/")[2].partition("[")[0] for one in ids] == slugs


def test_a_node_that_does_not_exist_is_pytests_own_error(project: Project) -> None:
    """Exit status 4, as for any test."""
    assert project.pytest("small.conformance.yaml::small/ads").ret == pytest.ExitCode.USAGE_ERROR


def test_options_have_twins_in_the_configuration_file(project: Project) -> None:
    """So that a project says once what it tests."""
    project.pytester.makeini("""
        [pytest]
        conformance_impl = tiny
        conformance_rules = small/adds small/sine
        conformance_device = cpu
        conformance_results = kept/results.jsonl
        conformance_examples = 3
        conformance_shard = 1/1
    """)
    assert project.pytest(impl=None).ret == pytest.ExitCode.OK
    project.results = project.folder / "kept" / "results.jsonl"
    assert [*project.statuses().values()] == ["pass", "pass", "unsupported"]


def test_an_option_outranks_its_twin(project: Project) -> None:
    """As everywhere in pytest."""
    project.pytester.makeini("[pytest]\nconformance_impl = nobody\nconformance_rules = nothing")
    assert collected(project, "--conformance-rules", "small/negates") == [NEGATES]


def test_several_implementations_and_devices(project: Project) -> None:
    """The cases of a rule stand together, by implementation and device."""
    two = "from tiny import *\ndef devices():\n    return ['cpu', 'abacus']\n"
    (project.folder / "two.py").write_text(two, encoding="utf-8")
    ids = collected(project, "--conformance-impl", "two", "-k", "negates")
    assert [one.partition("negates")[2] for one in ids] == ["[tiny-cpu]", "[two-cpu]", "[two-abacus]"]
    ids = collected(project, "--conformance-device", "abacus", "-k", "negates", impl="two")
    assert [one.partition("negates")[2] for one in ids] == ["[two-abacus]"]


class TestWrongInput:
    """One sentence, as from the command line, and no traceback of ours."""

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("--conformance-impl", "nobody"), "no implementation is called 'nobody' (known: torch, reference"),
            (("--conformance-device", "cuda"), "tiny has no device 'cuda' (it has cpu)"),
            (("--conformance-shard", "3/2"), "--conformance-shard: '3/2' is no shard: expected I/N"),
            (("--conformance-examples", "many"), "--conformance-examples is 'many' (a whole number from 1 on"),
        ],
    )
    def test_options_that_name_what_is_not_there(self, project: Project, arguments: tuple[str, ...], said: str) -> None:
        """Said once, however many spec files there are."""
        project.spec(rule("more", "y = x", "y: x").replace("small/", "other/"), name="other.conformance.yaml")
        found = project.pytest(*arguments)
        assert found.ret == pytest.ExitCode.INTERRUPTED
        text = found.stdout.str()
        assert "Traceback" not in text
        assert ".py:" not in text
        assert len([line for line in found.outlines if line.startswith(("E ", said))]) == 1
        assert f"conformance: {said}" in text

    def test_a_mistake_in_a_spec_file_is_a_collection_error_at_its_position(self, project: Project) -> None:
        """file:line:column and the hint; the files beside it are collected all the same."""
        path = project.spec(rule("bad", "y = torch.ad(x, x)", "y: 2 * x"), name="bad.conformance.yaml")
        path.write_text(path.read_text(encoding="utf-8").replace("small/", "bad/"), encoding="utf-8")
        found = project.pytest("--continue-on-collection-errors")
        found.stdout.fnmatch_lines(
            ["*ERROR collecting bad.conformance.yaml*", "*bad.conformance.yaml:8:15: *'torch.add'?)"]
        )
        assert ".py:" not in found.stdout.str().partition("= FAILURES =")[0]
        found.assert_outcomes(passed=2, failed=1, skipped=1, errors=1)

    def test_an_id_that_stands_in_two_files(self, project: Project) -> None:
        """Both positions are named."""
        project.spec("pass", name="small2.conformance.yaml")
        path = project.folder / "small2.conformance.yaml"
        path.write_text(path.read_text(encoding="utf-8").replace("topic: small2", "topic: small"), encoding="utf-8")
        found = project.pytest("--collect-only")
        found.stdout.fnmatch_lines(
            ["*small2.conformance.yaml:4:1: duplicate id 'small/adds' (it stands already at *small.*)"]
        )

    def test_results_that_cannot_be_written(self, project: Project) -> None:
        """The session ends with the system's reason."""
        found = project.pytest("--conformance-results", ".")
        assert found.ret == pytest.ExitCode.USAGE_ERROR
        assert "conformance: cannot write results to .: Is a directory" in found.stdout.str() + found.stderr.str()
        assert "INTERNALERROR" not in found.stdout.str() + found.stderr.str()
