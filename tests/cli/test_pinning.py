"""``pin``: the example on which a property fails becomes a rule of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.rules.loading import load
from tests.cli.conftest import Say
from tests.workshop import Workshop, rule

PINS = "found.conformance.yaml"


def law(slug: str, function: str, want: str, *, any_: str = "{dims: [1, 2]}", more: str = "") -> str:
    """A property of the tiny implementation: ``torch.add`` is right and ``torch.neg`` returns what came in."""
    text = rule(slug, f"y = torch.{function}", f"y: {want}", more=more)
    return text.replace("given: {x: [1.5, -2.25, 4]}", f"given: {{x: {{any: {any_}}}}}")


WRONG = law("negates", "neg(x)", "-x")
RIGHT = law("doubles", "add(x, x)", "2 * x")


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    """A workshop whose rules are properties."""
    times = "with: {dtype: [float64, float32]}\n"
    workshop.spec(
        WRONG, RIGHT, law("empty", "neg(x)", "x.sum()", any_="{sides: [0, 0], dims: [2, 2]}", more=times), "pass"
    )
    return workshop


class TestSearching:
    def test_the_rule_fails_as_the_property_did_and_passes_where_it_is_right(self, say: Say, shop: Workshop) -> None:
        """The smallest example, with this implementation and without it."""
        said = say("pin", "small/negates", "-i", "tiny", "--specs", ".", "-o", PINS)
        assert (said.status, said.err) == (0, "")
        path, id_, reason = said.out.replace("\n", " ").split(maxsplit=2)
        assert (path, reason) == (f"{PINS}:", "smallest example: x = [0.25] ")
        assert say("check", PINS).out == "1 rule in 1 file: all well formed\n"
        assert not load([shop.folder / PINS])[0].is_property
        failed = say("run", "-i", "tiny", "--specs", PINS)
        assert failed.status == 1
        assert f"{id_}[tiny-cpu]\n    y: expected [-0.25], observed [0.25] [values]\n" in failed.out
        assert say("run", "-i", "reference", "-d", "cpu", "--specs", PINS).status == 0

    def test_the_file_says_where_the_rule_comes_from(self, say: Say, shop: Workshop) -> None:
        """Case, implementation and version stand above it."""
        say("pin", "small/negates[tiny-cpu]", "--specs", ".", "-o", PINS)
        text = (shop.folder / PINS).read_text(encoding="utf-8")
        assert "# The smallest example on which small/negates[tiny-cpu] failed (tiny 0.0-tiny).\n" in text

    def test_further_examples_are_appended(self, say: Say, shop: Workshop) -> None:
        """A second rule, and a case named by its id; an example that is there is refused and the file left alone."""
        assert say("pin", "small/negates", "-i", "tiny", "--specs", ".", "-o", PINS).status == 0
        case = "small/empty[float32-tiny-cpu]"
        assert say("pin", case, "--specs", "small.conformance.yaml", "-o", PINS).status == 0
        first, second = sorted(load([shop.folder / PINS]), key=lambda one: one.line)
        assert first.id.startswith("found/small-negates-pinned-")
        assert second.id.startswith("found/small-empty-pinned-")
        before = (shop.folder / PINS).read_bytes()
        again = say("pin", "small/negates", "-i", "tiny", "--specs", "small.conformance.yaml", "-o", PINS)
        assert (again.status, again.out) == (2, "")
        assert again.err == f"conformance: {first.id} stands in {PINS} already (the same example is pinned once)\n"
        assert (shop.folder / PINS).read_bytes() == before

    def test_where_nothing_fails_nothing_is_written(self, say: Say, shop: Workshop) -> None:
        """There is no example, which is nobody's mistake."""
        said = say("pin", "small/doubles", "-i", "tiny", "--specs", ".", "-o", PINS)
        assert (said.status, said.out) == (0, "no case of small/doubles fails: there is no example to pin\n")
        assert not (shop.folder / PINS).exists()

    def test_more_examples_find_more(self, say: Say, shop: Workshop) -> None:
        """A property that fails seldom is searched as long as one wants."""
        shop.spec(law("rare", "add(x, x)", "x if (abs(x - 3.25) < 0.1).any() else 2 * x"))
        few = say("pin", "small/rare", "-i", "tiny", "--specs", ".", "-o", PINS, "--examples", "1")
        many = say("pin", "small/rare", "-i", "tiny", "--specs", ".", "-o", PINS, "--examples", "500")
        assert (few.out.startswith("no case"), many.status) == (True, 0)
        assert "x = [3.25]" in many.out

    def test_what_comes_to_no_verdict(self, say: Say, shop: Workshop) -> None:
        """Unsupported everywhere, or an error of the rule's: status 3 and the reason."""
        shop.spec(law("root", "sqrt(x)", "x"), law("breaks", "add(x, x)", "'1 / x.shape[9]'"))
        said = say("pin", "small/root", "-i", "tiny", "--specs", ".", "-o", PINS)
        assert (said.status, said.out) == (3, "")
        assert said.err == "conformance: small/root is unsupported on tiny: not implemented: no square roots here\n"
        said = say("pin", "small/breaks", "-i", "tiny", "--specs", ".", "-o", PINS)
        assert said.status == 3
        assert said.err.startswith("conformance: small/breaks[tiny-cpu]: error: ")

    def test_a_failure_that_the_data_does_not_make_is_not_pinned(self, say: Say, shop: Workshop) -> None:
        """What fails once and not again would be a rule that passes."""
        fickle = "\n\n_calls = iter(range(10**6))\n\n\ndef sin(x):\n    return Tensor(x._array + (next(_calls) == 3))\n"
        with (shop.folder / "tiny.py").open("a", encoding="utf-8") as file:
            file.write(fickle)
        shop.spec(law("fickle", "sin(x)", "x", any_="{shape: [2]}"))
        said = say("pin", "small/fickle", "-i", "tiny", "--specs", ".", "-o", PINS)
        assert said.status == 2
        assert "small/fickle[tiny-cpu] does not fail again: pass (" in said.err
        assert not (shop.folder / PINS).exists()


class TestResults:
    def test_the_recorded_example_is_pinned_and_nothing_is_run(self, say: Say, shop: Workshop) -> None:
        """The implementation may be on another machine: here it is gone."""
        say("run", "-i", "tiny", "--specs", ".", "-o", "results.jsonl", "-q")
        (shop.folder / "tiny.py").unlink()
        for case in ("small/negates", "small/empty[float32-tiny-cpu]"):
            said = say("pin", case, "--specs", "small.conformance.yaml", "--results", "results.jsonl", "-o", PINS)
            assert (said.status, said.err) == (0, "")
        rules = load([shop.folder / PINS])
        assert [one.id.rpartition("-")[0] for one in rules] == [
            "found/small-empty-pinned",
            "found/small-negates-pinned",
        ]
        assert "values: 'np.zeros((0, 0))'" in rules[0].yaml
        assert "dtype: [float32]" in rules[0].yaml
        assert "values: [0.25]" in rules[1].yaml

    def test_a_case_that_passed_has_none(self, say: Say, shop: Workshop) -> None:
        """As where it is run."""
        say("run", "-i", "tiny", "--specs", ".", "-o", "results.jsonl", "-q")
        said = say("pin", "small/doubles", "--specs", ".", "--results", "results.jsonl", "-o", PINS)
        assert (said.status, said.out) == (0, "no case of small/doubles fails: there is no example to pin\n")

    @pytest.mark.parametrize("more", [("-i", "other"), ("-d", "cuda")])
    def test_a_case_that_is_not_there(self, say: Say, shop: Workshop, more: tuple[str, str]) -> None:
        """Nothing said is not 'nothing fails'."""
        say("run", "-i", "tiny", "--specs", ".", "-o", "results.jsonl", "-q")
        said = say("pin", "small/negates", "--specs", ".", "--results", "results.jsonl", "-o", PINS, *more)
        assert said.status == 3
        assert said.err.startswith("conformance: results.jsonl has no case of small/negates (")

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"reason": ""}, "no example is recorded for small/negates[tiny-cpu]"),
            ({"reason": "smallest example: z = [0.25]"}, "no example is recorded for small/negates[tiny-cpu]"),
            ({"reason": "smallest example: x = [0.2"}, "no example is recorded for small/negates[tiny-cpu]"),
            ({"parameters": "n=3"}, "small/negates has no case 'n=3' (were the results written with other rules?)"),
        ],
    )
    def test_results_that_do_not_fit_the_rule(
        self, say: Say, shop: Workshop, change: dict[str, str], complaint: str
    ) -> None:
        """The file is of other rules, or of an older suite: one sentence says so."""
        say("run", "-i", "tiny", "--specs", ".", "-o", "results.jsonl", "-q")
        path = shop.folder / "results.jsonl"
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        changed = [{**line, **change} if line.get("rule") == "small/negates" else line for line in lines]
        path.write_text("".join(json.dumps(line) + "\n" for line in changed), encoding="utf-8")
        said = say("pin", "small/negates", "--specs", ".", "--results", "results.jsonl", "-o", PINS)
        assert (said.status, said.out) == (2, "")
        assert complaint in said.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["small/adds-plain"], "the data of small/adds-plain is not drawn (only a property has an example to pin)"),
        (["small/gone"], "no rule is called 'small/gone'"),
        (["small/negates[tiny-gpu]"], "no case is called 'small/negates[tiny-gpu]' (did you mean 'tiny-cpu'?)"),
        (["small/negates", "-i", "tiny", "-d", "gpu"], "tiny has no device 'gpu' (it has cpu)"),
        (["small/negates", "-i", "nobody"], "no implementation is called 'nobody'"),
        (["small/negates", "-i", "tiny", "-o", "found.yaml"], "'found.yaml' is no name for a spec file"),
        (
            ["small/negates", "-i", "tiny", "-o", "no/x/../../small.conformance.yaml/found.conformance.yaml"],
            "cannot write",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_is_status_2_and_says_what(say: Say, shop: Workshop, arguments: list[str], complaint: str) -> None:
    """And writes nothing."""
    shop.spec(WRONG, rule("adds-plain", "y = torch.add(x, x)", "y: 2 * x"))
    said = say("pin", "-o", PINS, *arguments, "--specs", "small.conformance.yaml")
    assert (said.status, said.out) == (2, "")
    assert complaint in said.err
    assert sorted(path.name for path in Path(shop.folder).glob("*.yaml")) == ["small.conformance.yaml"]
