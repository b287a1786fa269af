"""Right files: which are read, and what a rule knows afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import SpecErrors
from conformance.rules.loading import load, spec_files
from conformance.rules.model import Disagreement, release_tuple
from conformance.rules.vocabulary import specs_folder
from tests.rules.marked import HEAD, loaded, rule, write

FULL = """\
# a comment
topic: full
title: All a rule can say
about: Why.
axes:
  passes: [1, 2]
oracle: |
  def double(v):
      return 2 * v
retired: [full/old]
rules:

  - id: full/a
    says: >-
      One sentence
      on two lines.
    source: [torch.add, notes/autograd]
    level: should
    since: '2.0'
    until: '2.20'
    myth: Everybody knows it.
    covers: [tutorial/a]
    needs: [values]
    with: {n: passes, op: {add: "torch.add(x, x)"}}
    combine: pairs
    given:
      x: {values: [1, 2], requires_grad: true}
    when: |
      y = op
      with torch.no_grad():
          z = nn.Linear(2, 1)(y)
    expect: |
      want = double(x)
    then:
      y: want
      z.shape: {data: [1]}

  # about the next
  - id: full/b
    says: Another.
    source: torch.Tensor
    disagreement: {says: The page says so., upstream: link}
    when: 'y = torch.ones(2)'
    then:
      - if: device == 'cpu'
        y: [1, 1]
      - y: {filled: 1}
"""


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A file in which a rule says all that a rule can say."""
    return write(tmp_path, FULL, "full.conformance.yaml")


def test_a_rule_holds_what_its_entry_says(full: Path) -> None:
    """Every key of the file is found in the rule."""
    first, _ = load([full])
    assert (first.id, first.says) == ("full/a", "One sentence on two lines.")
    assert first.sources == ("torch.add", "notes/autograd")
    assert (first.level, first.since, first.until, first.combine) == ("should", "2.0", "2.20", "pairs")
    assert (first.myth, first.covers) == ("Everybody knows it.", ("tutorial/a",))
    assert (first.topic.name, first.topic.title, first.topic.about) == ("full", "All a rule can say", "Why.")
    assert [axis.name for axis in first.axes] == ["n", "op"]
    assert [observation.left for observation in first.observations] == ["y", "z.shape"]
    assert repr(first) == "<Rule full/a>"


def test_a_rule_holds_its_defaults(full: Path) -> None:
    """What is not said is must, without conditions."""
    _, second = load([full])
    assert (second.level, second.sources, second.axes, second.combine) == ("must", ("torch.Tensor",), (), "product")
    assert second.disagreement == Disagreement("The page says so.", "link")
    assert [observation.condition is None for observation in second.observations] == [False, True]


def test_a_rule_knows_its_lines(full: Path) -> None:
    """The line of the rule, the one before its statements, and that of each observation."""
    lines = FULL.splitlines()
    first, second = load([full])
    assert lines[first.line - 1] == "  - id: full/a"
    assert lines[first.when_line] == "      y = op"
    assert [lines[observation.line - 1].strip() for observation in first.observations] == [
        "y: want",
        "z.shape: {data: [1]}",
    ]
    assert lines[second.when_line] == "    when: 'y = torch.ones(2)'"
    assert [lines[observation.line - 1].strip() for observation in second.observations] == [
        "y: [1, 1]",
        "- y: {filled: 1}",
    ]
    assert first.position == f"{full}:{first.line}"


def test_a_rule_shows_its_yaml(full: Path) -> None:
    """As written, without the list's indentation, and without the keys of the file that follow."""
    first, second = load([full])
    shown = first.yaml.splitlines()
    assert shown[0] == "id: full/a"
    assert shown[1] == "says: >-"
    assert shown[2] == "  One sentence"
    assert second.yaml.splitlines()[-1] == "  - y: {filled: 1}"


def test_the_yaml_of_the_last_rule_ends_where_the_file_s_keys_go_on(tmp_path: Path) -> None:
    """A key of the file behind the rules belongs to none of them."""
    found = loaded(tmp_path, rule() + "retired: [t/old]\n")
    assert found.yaml.splitlines()[-1].strip() == "x: [1.5, -2.25]"


def test_a_rule_knows_what_it_uses(full: Path) -> None:
    """API names, also of code in parameters, and the capabilities they belong to."""
    first, _ = load([full])
    assert first.names == {"torch.add", "torch.no_grad", "nn.Linear"}
    assert {"values", "tensors"} <= first.capabilities
    assert first.draws_random, "a layer draws its parameters"


def test_rules_are_sorted_by_id(tmp_path: Path) -> None:
    """Whatever the order of files and rules."""
    second = HEAD.partition("rules:\n")[2]
    body = "    then: {torch.is_grad_enabled(): true}\n"
    text = HEAD.replace("t/a", "t/c") + body + second.replace("t/a", "t/b") + body
    paths = [write(tmp_path, text, "z.conformance.yaml"), write(tmp_path, HEAD + body, "a.conformance.yaml")]
    assert [one.id for one in load(paths)] == ["t/a", "t/b", "t/c"]


def test_folders_are_searched_for_spec_files(tmp_path: Path) -> None:
    """In a user's folder only *.conformance.yaml counts, at any depth; a file that is named is taken as it is."""
    (tmp_path / "deep").mkdir()
    body = HEAD + "    then: {torch.is_grad_enabled(): true}\n"
    named = write(tmp_path, body, "plain.yaml")
    found = write(tmp_path / "deep", body)
    assert spec_files([tmp_path]) == [found]
    assert spec_files([tmp_path, found, named]) == [found, named]


def test_the_suite_s_own_files_are_the_default() -> None:
    """Without paths the rules that come with the package are read, and not its vocabulary."""
    files = spec_files()
    assert files == spec_files([specs_folder()])
    assert "vocabulary.yaml" not in {path.name for path in files}
    assert "accumulation.yaml" in {path.name for path in files}


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    """Naming a file that is not there is an input error, with its path."""
    with pytest.raises(SpecErrors) as caught:
        load([tmp_path / "absent.yaml"])
    assert (
        str(caught.value)
        == f"{tmp_path / 'absent.yaml'}:1:1: cannot be read: No such file or directory (is the path right?)"
    )


def test_loading_twice_gives_equal_rules(full: Path) -> None:
    """Nothing of the first time is left in the second."""
    once, twice = load([full]), load([full])
    assert [(one.id, one.names, one.capabilities, one.yaml) for one in once] == [
        (one.id, one.names, one.capabilities, one.yaml) for one in twice
    ]


@pytest.mark.parametrize(
    ("since", "until", "release", "applies"),
    [
        (None, None, (1, 0), True),
        ("2.0", None, (2, 0), True),
        ("2.0", None, (1, 13), False),
        (None, "2.0", (1, 13), True),
        (None, "2.0", (2, 0), False),
        ("2.9", "2.11", (2, 10), True),
    ],
)
def test_rules_apply_to_releases(
    since: str | None, until: str | None, release: tuple[int, int], applies: bool, tmp_path: Path
) -> None:
    """From the first release with the behaviour up to the first without it."""
    more = "".join(f"{key}: '{value}'\n" for key, value in (("since", since), ("until", until)) if value)
    assert loaded(tmp_path, rule(more=more)).applies_to(release) is applies
    assert release_tuple("2.10.1+cpu") == (2, 10)


def test_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    """A rule file saved on Windows gives the same rule, lines and YAML."""
    unix = loaded(tmp_path, rule(when="y = x\nz = y", then="y: x\nz: x"))
    (windows,) = load([write(tmp_path, rule(when="y = x\nz = y", then="y: x\nz: x").replace("\n", "\r\n"))])
    assert (unix.when, unix.when_line, unix.yaml) == (windows.when, windows.when_line, windows.yaml)
    assert [one.line for one in unix.observations] == [one.line for one in windows.observations]
