"""A script fails or passes exactly as its case does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from conformance.errors import ConformanceError  # noqa: E402
from conformance.implementations import find  # noqa: E402
from conformance.implementations.contract import Implementation  # noqa: E402
from conformance.implementations.torch import TorchImplementation  # noqa: E402
from conformance.repro import script  # noqa: E402
from conformance.rules.loading import load  # noqa: E402
from conformance.rules.model import Rule  # noqa: E402
from conformance.running.cases import Case, expand  # noqa: E402
from conformance.running.execute import Runner  # noqa: E402
from tests.repro.running import STATUS, execute  # noqa: E402

ODD = Path(__file__).with_name("odd.yaml")


class Adapter(TorchImplementation):
    """Real torch, reached as an adapter is."""


@pytest.fixture(scope="module")
def runner() -> Runner:
    return Runner(find("torch"))


def cases_of(rules: Iterable[Rule], implementation: Implementation, device: str = "cpu") -> list[Case]:
    return list(expand(rules, implementation, device))


def odd_cases(implementation: Implementation, device: str = "cpu") -> list[Case]:
    return cases_of(load([ODD]), implementation, device)


@pytest.fixture(scope="module")
def sample(runner: Runner) -> list[tuple[Case, str]]:
    """The scripts of cases of the suite's own rules, spread over all of them."""
    cases = [
        case
        for case in cases_of(load(), runner.implementation)
        if not case.rule.is_property and runner.missing(case) is None
    ]
    return [(case, script(case, runner.implementation)) for case in cases[:: max(len(cases) // 60, 1)]]


def scripts_of(cases: Iterable[Case], implementation: Implementation) -> list[tuple[Case, str]]:
    return [(case, script(case, implementation)) for case in cases]


def disagreements(runner: Runner, scripts: list[tuple[Case, str]]) -> Iterator[str]:
    """What is wrong with a script, for every case whose script does not do as the case does."""
    for case, source in scripts:
        outcome = runner.run(case)
        ran = execute(source, runner.implementation)
        counted = outcome.status != "pass" or case.rule.is_property or f"all {outcome.checks} checks" in ran.output
        if STATUS.get(outcome.status) != ran.status or not counted:
            yield f"{case.id}: {outcome.status} {outcome.reason}, but {ran.status}: {ran.output} {ran.error!r}"


def test_odd_cases_end_as_their_scripts_do(runner: Runner) -> None:
    """Data and expectations of every kind, those that fail and those that are unsupported among them."""
    cases = odd_cases(runner.implementation)
    assert list(disagreements(runner, scripts_of(cases, runner.implementation))) == []
    statuses = {runner.run(case).status for case in cases}
    assert statuses == {"pass", "fail", "unsupported"}


def test_odd_rules_fail_where_their_ids_say_so(runner: Runner) -> None:
    """The file above tests what it means to test."""
    for case in odd_cases(runner.implementation):
        if case.rule.id.endswith(("-fails", "-fail")):
            assert runner.run(case).status == "fail", case.id


@pytest.mark.parametrize("device", ["meta"])
def test_scripts_do_not_read_values_where_there_are_none(runner: Runner, device: str) -> None:
    """On meta, shapes and facts are checked and values are not."""
    cases = [case for case in odd_cases(runner.implementation, device) if runner.missing(case) is None]
    settled = [case for case in cases if runner.run(case).status != "error"]
    assert list(disagreements(runner, scripts_of(settled, runner.implementation))) == []


def test_a_sample_of_the_suite_agrees(runner: Runner, sample: list[tuple[Case, str]]) -> None:
    """The scripts of real rules pass as their cases do."""
    assert list(disagreements(runner, sample)) == []


def no_op(*args: Any, **kwargs: Any) -> None:
    return None


def absent(*args: Any, **kwargs: Any) -> None:
    raise NotImplementedError("left out")


def slightly_off(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: function(*args, **kwargs) * (1 + 3e-5)


FAULTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "backward does nothing": (torch.Tensor, "backward", no_op),
    "backward is not there": (torch.Tensor, "backward", absent),
    "sums are slightly off": (torch.Tensor, "sum", slightly_off(torch.Tensor.sum)),
    "no_grad stays": (torch.no_grad, "__exit__", no_op),
    "train() does nothing": (torch.nn.Module, "train", lambda module, mode=True: module),
    "clones are not copies": (torch.Tensor, "clone", lambda tensor, **_: tensor),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_scripts_fail_under_a_fault_where_their_cases_do(
    runner: Runner, sample: list[tuple[Case, str]], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Not only do scripts pass: they catch what the rule catches, and are unsupported where it is."""
    owner, name, replacement = FAULTS[fault]
    monkeypatch.setattr(owner, name, replacement)
    assert list(disagreements(runner, sample)) == []


def test_a_script_is_a_program_of_its_own(runner: Runner, tmp_path: Path) -> None:
    """In a process of its own it says on its output what does not hold and leaves with the right status."""
    wanted = {"odd/nested": 0, "odd/later-observations": 1, "odd/absent": 77}
    cases = {case.rule.id: case for case in reversed(odd_cases(runner.implementation))}
    for rule_id, status in wanted.items():
        path = tmp_path / "case.py"
        path.write_text(script(cases[rule_id], runner.implementation))
        done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == status, done.stderr
        if status == 1:
            said = [line.split(":")[0] for line in done.stdout.splitlines()]
            assert said == ["y.grad.shape", "y", "x.grad_fn.name()"]


def test_a_script_needs_only_torch(runner: Runner) -> None:
    """NumPy is imported where the data is an array or a condition is NumPy's, and the suite never."""
    for case in odd_cases(runner.implementation):
        source = script(case, runner.implementation)
        assert "import conformance" not in source
        assert ("import numpy" in source) == (case.rule.id in ("odd/kinds", "odd/combinators") or "holds" in case.id)


def test_a_script_shows_the_case_before_its_helpers(runner: Runner) -> None:
    """The reader sees the sentence, the data, the statements with their comments, and the checks, in this order."""
    case = next(case for case in odd_cases(runner.implementation) if case.rule.id == "odd/code")
    source = script(case, runner.implementation)
    order = [
        f"# {case.id}",
        "# Code stands where its parameter stood.",
        "import torch",
        "x = torch.tensor([1.0, 2.0, 4.0], dtype=dtype, device=device)",
        "# what is kept",
        "before = x.clone()  # as it was",
        "x.add_(1)",
        'check("x", lambda: x, [2.0, 3.0, 5.0]',
        "def record(",
        "run(case)",
    ]
    places = [source.index(part) for part in order]
    assert places == sorted(places)


def test_a_torch_like_module_is_imported_as_torch(runner: Runner) -> None:
    """A module that looks like torch stands in its place."""
    implementation = Implementation(torch, "torch")
    own = Runner(implementation)
    cases = [case for case in odd_cases(implementation) if "words" not in case.rule.id]
    assert "import torch as torch" in script(cases[0], implementation)
    passing = [case for case in cases if own.run(case).status == "pass"]
    assert len(passing) > 15
    assert list(disagreements(own, scripts_of(passing, implementation))) == []


def test_an_adapter_is_asked(runner: Runner) -> None:
    """A script for an adapter imports it and reads tensors through it."""
    implementation = find(f"{__name__}:Adapter")
    source = script(odd_cases(implementation)[0], implementation)
    assert f"from {__name__} import Adapter\nimplementation = Adapter()\ntorch = implementation.torch" in source
    assert list(disagreements(Runner(implementation), scripts_of(odd_cases(implementation), implementation))) == []


def test_a_layer_that_cannot_be_built_is_where_the_script_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What would come after it depends on its parameters, which nobody has; the error is the fault."""
    implementation = find("reference")

    def broken(self: Any, *arguments: Any, **options: Any) -> None:
        raise ValueError("cannot be built")

    text = "topic: odd\ntitle: t\nrules:\n  - id: odd/layer\n    says: s\n    source: torch.nn.Linear\n"
    text += "    given: {m: {module: 'nn.Linear(3, 1)'}, x: [1, 3]}\n    when: y = m.weight\n"
    text += "    then: {y: 'm[\"weight\"]'}\n"
    (tmp_path / "odd.conformance.yaml").write_text(text, encoding="utf-8")
    [case] = cases_of(load([tmp_path / "odd.conformance.yaml"]), implementation)
    monkeypatch.setattr(implementation.nn.Linear, "__init__", broken)
    assert Runner(implementation).run(case).status == "fail"
    ran = execute(script(case, implementation), implementation)
    assert str(ran.error) == "cannot be built"


def test_the_reference_is_imported_as_torch() -> None:
    """The reference needs no torch."""
    implementation = find("reference")
    cases = [case for case in odd_cases(implementation) if case.rule.id in ("odd/nested", "odd/not-finite")]
    own = Runner(implementation)
    assert "import conformance.reference as torch" in script(cases[0], implementation)
    assert list(disagreements(own, scripts_of(cases, implementation))) == []


def test_an_implementation_that_nothing_leads_to_is_refused(runner: Runner) -> None:
    """What cannot be imported cannot be written down."""
    implementation = Implementation(type("Namespace", (), vars(torch)), "nowhere")
    with pytest.raises(ConformanceError, match="cannot import 'nowhere'"):
        script(odd_cases(implementation)[0], implementation)


def test_without_torch_the_script_is_made_all_the_same(runner: Runner) -> None:
    """Only rules that build a layer or draw values need the implementation while the script is made."""
    cases = {case.rule.id: case for case in odd_cases(runner.implementation)}
    ran = execute(script(cases["odd/nested"], None), runner.implementation)
    assert ran.status == 0
    with pytest.raises(ConformanceError, match=r"builds nn\.Sequential"):
        script(cases["odd/module"], None)
    with pytest.raises(ConformanceError, match="drawn"):
        script(cases["odd/property"], None)


def test_an_unsupported_case_has_no_script(runner: Runner) -> None:
    """There is nothing to show of a device that has no float64."""
    implementation = find("reference")
    case = next(case for case in odd_cases(implementation, "accel32") if "float64" in case.id)
    with pytest.raises(ConformanceError, match="unsupported: dtype float64"):
        script(case, implementation)


def test_drawn_values_can_be_given(runner: Runner) -> None:
    """The script of a property shows the values that it is given."""
    numpy = pytest.importorskip("numpy")
    case = next(case for case in odd_cases(runner.implementation) if case.rule.id == "odd/property")
    source = script(case, runner.implementation, drawn={"x": numpy.array([0.25, 4.0]), "n": 3, "c": "b"})
    assert "x = torch.tensor([0.25, 4.0], dtype=dtype, device=device, requires_grad=True)\n    n = 3\n" in source
    assert execute(source, runner.implementation).status == 0


def test_making_a_script_leaves_no_state_behind(runner: Runner) -> None:
    """Neither the default dtype nor the random numbers of the caller change where no layer is built."""
    case = next(case for case in odd_cases(runner.implementation) if case.rule.id == "odd/complex")
    torch.manual_seed(1)
    first = torch.rand(1)
    torch.manual_seed(1)
    script(case, runner.implementation)
    assert torch.equal(torch.rand(1), first)
    assert torch.get_default_dtype() is torch.float32
