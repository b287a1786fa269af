"""The form of a spec file: keys, types and ids, each mistake with its position and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import SpecErrors
from conformance.rules.loading import load
from tests.rules.marked import HEAD, problems, refused, unmarked, write

KEPT = "every entry of this kind has it"
IDS = "expected topic/slug in lower case, digits and hyphens"
RULE_KEYS = (
    "known keys: id, says, source, level, since, until, myth, disagreement, covers, needs, with, combine, given, when, "
    "expect, then"
)


def file(rule: str = "", top: str = "") -> str:
    """A file with keys added to its head and to its one rule."""
    return HEAD.replace("rules:", f"{top}rules:") + rule + "    then: {torch.is_grad_enabled(): true}\n"


MISTAKES = {
    "unknown key": (file("    ¤whn: x\n"), "unknown key 'whn'", "did you mean 'when'?"),
    "unknown key like no other": (file("    ¤qqqq: x\n"), "unknown key 'qqqq'", RULE_KEYS),
    "unknown key of the file": (
        file(top="¤axis: {}\n"),
        "unknown key 'axis'",
        "did you mean 'axes'?",
    ),
    "unknown key of an expectation": (
        HEAD + "    given: {x: [1]}\n    then: {x: {¤vlues: 1}}\n",
        "unknown key 'vlues'",
        "did you mean 'values'?",
    ),
    "unknown key inside each": (
        HEAD + "    given: {x: [1]}\n    then:\n      x:\n        each: {¤reqires_grad: true}\n",
        "unknown key 'reqires_grad'",
        "did you mean 'requires_grad'?",
    ),
    "unknown key of a given": (
        HEAD + "    given: {x: {values: [1], ¤requires_gard: true}}\n    then: {x: 1}\n",
        "unknown key 'requires_gard'",
        "did you mean 'requires_grad'?",
    ),
    "unknown key of what is drawn": (
        HEAD + "    given: {x: {any: {¤dim: [0, 2]}}}\n    then: {x: x}\n",
        "unknown key 'dim'",
        "did you mean 'dims'?",
    ),
    "unknown key of a disagreement": (
        file("    disagreement: {says: a, ¤upstrem: b}\n"),
        "unknown key 'upstrem'",
        "did you mean 'upstream'?",
    ),
    "missing key of a rule": (HEAD.replace("  - id: t/a\n    says", "  - ¤says"), "'id:' is missing", KEPT),
    "number for text": (file("    when: ¤3\n"), "found 3", "expected text"),
    "text for a mapping": (file("    given: ¤x\n"), "found 'x'", "expected a mapping"),
    "list for a mapping": (file("    with: ¤[1]\n"), "found [1]", "expected a mapping"),
    "text for a list": (file("    covers: ¤a/b\n"), "found 'a/b'", "expected a list"),
    "number in a list of text": (file("    covers: [a/b, ¤3]\n"), "found 3", "expected text"),
    "rule that is text": (
        HEAD + "    then: {torch.is_grad_enabled(): true}\n  - ¤text\n",
        "found 'text'",
        "expected a mapping",
    ),
    "no such level": (
        file("    level: ¤shuold\n"),
        "found 'shuold'",
        "expected one of 'must', 'should' or 'de-facto'",
    ),
    "no such combination": (file("    combine: ¤all\n"), "found 'all'", "expected one of 'product' or 'pairs'"),
    "release as a word": (file("    since: ¤newest\n"), "found 'newest'", "expected a release such as '2.10'"),
    "release with a patch": (file("    until: ¤2.1.0\n"), "found '2.1.0'", "expected a release such as '2.10'"),
    "impossible releases": (
        file("    since: 2.10\n    until: ¤2.9\n"),
        "no release is since 2.10 and before 2.9",
        "'since' is the first release with the behaviour, 'until' the first without it",
    ),
    "id in capitals": (
        HEAD.replace("t/a", "¤t/Adds") + "    then: {torch.is_grad_enabled(): true}\n",
        "found 't/Adds'",
        IDS,
    ),
    "id without a topic": (
        HEAD.replace("t/a", "¤adds") + "    then: {torch.is_grad_enabled(): true}\n",
        "found 'adds'",
        IDS,
    ),
    "id of another topic": (
        HEAD.replace("t/a", "¤other/a") + "    then: {torch.is_grad_enabled(): true}\n",
        "id 'other/a' is not of topic 't'",
        "write 't/a'",
    ),
    "empty sentence": (
        HEAD.replace("One sentence.", "¤''") + "    then: {torch.is_grad_enabled(): true}\n",
        "found ''",
        "expected text that is not empty",
    ),
    "nothing for a value": (
        HEAD + "    given: {x: [1]}\n    then:\n      ¤x:\n",
        "nothing stands here",
        "write 'none' where None is meant",
    ),
    "text for a flag of a check": (
        HEAD + "    given: {x: [1]}\n    then: {x: {values: 1, exact: ¤yes}}\n",
        "found 'yes'",
        "expected true or false",
    ),
    "false for unchanged": (
        HEAD + "    given: {x: [1]}\n    then: {x: {unchanged: ¤false}}\n",
        "found False",
        "expected true",
    ),
    "negative tolerance": (
        HEAD + "    given: {x: [1]}\n    then: {x: {values: 1, within: ¤-1.0}}\n",
        "found -1.0",
        "expected a number greater than 0.0",
    ),
    "no such capability": (
        file("    needs: ¤[vlaues]\n"),
        "no capability is named 'vlaues'",
        "did you mean 'values'?",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_of_form(name: str, tmp_path: Path) -> None:
    """Each is one problem at the value or key that is wrong, saying what was found and what was expected."""
    refused(tmp_path, *MISTAKES[name])


def test_missing_keys_of_the_file(tmp_path: Path) -> None:
    """A file without topic, title and rules is told so, all at once."""
    found = problems(tmp_path, "about: nothing\n")
    assert [(one.line, one.message, one.hint) for one in found] == [
        (1, f"'{key}:' is missing", KEPT) for key in ("rules", "title", "topic")
    ]


@pytest.mark.parametrize("text", ["- a\n- b\n", "only text\n", "3\n"])
def test_a_file_that_is_no_mapping(text: str, tmp_path: Path) -> None:
    """A list or a scalar is refused as a whole."""
    (found,) = problems(tmp_path, text)
    assert (found.line, found.column, found.hint) == (1, 1, "expected a mapping")


def test_no_rules(tmp_path: Path) -> None:
    """An empty list of rules is refused."""
    refused(tmp_path, "topic: t\ntitle: T\nrules: ¤[]\n", "found []", "expected at least one entry")


def test_the_release_2_10_is_text(tmp_path: Path) -> None:
    """since: 2.10 without quotes names the tenth minor release."""
    (rule,) = load([write(tmp_path, file("    since: 2.10\n"))])
    assert rule.since == "2.10"
    assert rule.applies_to((2, 10))
    assert not rule.applies_to((2, 9))


def test_a_tab_in_the_indentation_of_a_block(tmp_path: Path) -> None:
    """A tab where the block's indentation should be is YAML's problem, on its line."""
    (found,) = problems(tmp_path, file("    when: |\n\ty = 1\n"))
    assert (found.line, found.hint) == (8, "indent with spaces")


def test_a_tab_inside_a_block_is_code(tmp_path: Path) -> None:
    """Behind the block's own indentation tabs belong to Python, which wants them consistent."""
    text = file("    when: |\n      if True:\n      \ty = 1\n              z = 2\n")
    (found,) = problems(tmp_path, text)
    assert (found.line, found.message.partition(":")[0]) == (10, "syntax error")


def test_duplicate_ids_of_one_file(tmp_path: Path) -> None:
    """The second is the problem, and names the place of the first."""
    twice = HEAD + "    then: {torch.is_grad_enabled(): true}\n" + HEAD.partition("rules:\n")[2].replace("t/a", "¤t/a")
    path = tmp_path / "t.conformance.yaml"
    refused(
        tmp_path,
        twice + "    then: {torch.is_grad_enabled(): true}\n",
        "duplicate id 't/a'",
        f"it stands already at {path}:4",
    )


def test_duplicate_and_retired_ids_across_files(tmp_path: Path) -> None:
    """Ids are unique and permanent over all files that are loaded together."""
    body = "    then: {torch.is_grad_enabled(): true}\n"
    first = write(tmp_path, HEAD + body, "a.conformance.yaml")
    second = write(
        tmp_path, HEAD + body + HEAD.partition("rules:\n")[2].replace("t/a", "t/old") + body, "b.conformance.yaml"
    )
    third = write(
        tmp_path, HEAD.replace("rules:", "retired: [t/old]\nrules:").replace("t/a", "t/c") + body, "c.conformance.yaml"
    )
    with pytest.raises(SpecErrors) as caught:
        load([first, second, third])
    found = [(one.file, one.line, one.column, one.message, one.hint) for one in caught.value.problems]
    assert found == [
        (str(second), 4, 9, "duplicate id 't/a'", f"it stands already at {first}:4"),
        (str(second), 8, 9, f"id 't/old' is retired in {third}", "ids are permanent; choose another"),
    ]


def test_a_retired_id_of_the_same_file(tmp_path: Path) -> None:
    """A rule cannot take an id that its own file retires."""
    text = HEAD.replace("rules:", "retired: [t/a]\nrules:").replace("id: t/a", "id: ¤t/a")
    path = tmp_path / "t.conformance.yaml"
    refused(
        tmp_path,
        text + "    then: {torch.is_grad_enabled(): true}\n",
        f"id 't/a' is retired in {path}",
        "ids are permanent; choose another",
    )


EVERYTHING = """\
topic: t
title: T
about: ¤3
rules:
  - id: t/a
    says: s
    source: torch.Tensor
    given:
      x: {¤valeus: [1, 2], dtype: float32}
    when: ¤import os
    then:
      x: {¤valuez: 1}
      ¤y: 3
  - id: t/b
    says: s
    source: torch.Tensor
    level: ¤mist
    when: z = 3 ¤)
    then:
      ¤torch.bar: 1
      z: ¤qqqq
  - ¤foo
  - id: ¤t/a
    says: s
    source: torch.Tensor
    then: {¤x: "1 + ¤qqqq"}
"""


def test_everything_wrong_in_a_file_is_reported_at_once(tmp_path: Path) -> None:
    """A wrong form in one rule, or in one part of a rule, hides nothing in another; problems come in order."""
    text, places = unmarked(EVERYTHING)
    assert [(one.line, one.column) for one in problems(tmp_path, text)] == places


def test_problems_of_several_files_come_in_order_of_files_and_lines(tmp_path: Path) -> None:
    """Files by name, then lines, then columns, whatever the order they were given in."""
    paths = [write(tmp_path, file("    whn: x\n    givn: {}\n"), f"{name}.conformance.yaml") for name in "cab"]
    with pytest.raises(SpecErrors) as caught:
        load(paths)
    order = [(Path(one.file).name[0], one.line) for one in caught.value.problems]
    assert order == [("a", 7), ("a", 8), ("b", 7), ("b", 8), ("c", 7), ("c", 8)]
    assert (
        str(caught.value).splitlines()[0]
        == f"{tmp_path / 'a.conformance.yaml'}:7:5: unknown key 'whn' (did you mean 'when'?)"
    )
