"""The vocabulary and the JSON Schema: what editors and the language know of a spec file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from conformance.rules.documents import read_document
from conformance.rules.schema import SpecFile, VocabularyFile, json_schema
from conformance.rules.vocabulary import build_vocabulary, load_vocabulary, specs_folder
from tests.rules.marked import HEAD, rule

DATA = {
    "observers": ["len", "torch.is_grad_enabled"],
    "capabilities": {
        "tensors": {"about": "a", "factories": ["torch.zeros"], "tensor": ["sum", "grad"]},
        "layers": {"about": "b", "layers": ["nn.Linear"], "classes": ["nn.Module"], "module": ["weight", "grad"]},
    },
}


def test_names_have_a_kind_and_a_capability() -> None:
    """Names are found with the capability that lists them, and only factories and layers take a device."""
    vocabulary = build_vocabulary(DATA)
    assert vocabulary.kinds == {"torch.zeros": "factories", "nn.Linear": "layers", "nn.Module": "classes"}
    assert vocabulary.capability["nn.Linear"] == "layers"
    assert vocabulary.takes_device("torch.zeros")
    assert vocabulary.takes_device("nn.Linear")
    assert not vocabulary.takes_device("nn.Module")
    assert not vocabulary.takes_device("torch.unheard")
    assert vocabulary.about == {"tensors": "a", "layers": "b"}


def test_a_member_of_two_capabilities_decides_neither() -> None:
    """Only where one capability has a member does the member alone say which is needed."""
    vocabulary = build_vocabulary(DATA)
    assert vocabulary.member_capability("sum") == "tensors"
    assert vocabulary.member_capability("grad") is None
    assert vocabulary.member_capability("unheard") is None
    assert vocabulary.tensor_members == {"sum", "grad"}


def test_the_nearest_name_is_suggested() -> None:
    """The suggestion comes from the names asked among, or there is none."""
    vocabulary = build_vocabulary(DATA)
    assert vocabulary.nearest("nn.Linaer") == "did you mean 'nn.Linear'?"
    assert vocabulary.nearest("sm", ["sum"]) == "did you mean 'sum'?"
    assert vocabulary.nearest("qqqqqq") == "names come from specs/vocabulary.yaml"


@pytest.mark.parametrize(
    "wrong", [{"observers": []}, {**DATA, "more": 1}, {"observers": [], "capabilities": {"a": {}}}]
)
def test_a_wrong_vocabulary_is_refused(wrong: dict[str, object]) -> None:
    """Missing and unknown keys are errors there as well."""
    with pytest.raises(ValidationError):
        build_vocabulary(wrong)


def test_no_name_of_the_vocabulary_belongs_to_two_capabilities() -> None:
    """Each API name stands under the one capability that a missing name is charged to."""
    data = yaml.safe_load((specs_folder() / "vocabulary.yaml").read_text(encoding="utf-8"))
    seen: dict[str, str] = {}
    for name, entry in data["capabilities"].items():
        for kind in ("factories", "functions", "values", "classes", "layers"):
            for full in entry.get(kind, ()):
                assert full not in seen, f"{full} is in {seen[full]} and in {name}"
                seen[full] = name
    assert seen.keys() == load_vocabulary().kinds.keys()


def test_observers_only_look() -> None:
    """Nothing that changes what it is called on may be called on the left of `then`."""
    observers = load_vocabulary().observers
    acting = {name for name in observers if name.endswith("_") and not name.endswith("__")}
    assert acting == set()
    assert not observers & {"backward", "manual_seed", "torch.manual_seed", "step", "zero_grad", "append", "pop"}


@pytest.fixture(scope="module")
def validator() -> object:
    """The published schema of spec files."""
    jsonschema = pytest.importorskip("jsonschema")
    schema = json_schema(SpecFile)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_accepts_what_the_loader_accepts(validator: object) -> None:
    """Every file of the suite that an editor checks is right by the schema."""
    for path in sorted(Path(specs_folder()).glob("a*.yaml")):
        document, _ = read_document(path)
        assert document is not None
        assert list(validator.iter_errors(document.data)) == [], path.name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "    whn: x\n",
        HEAD.replace("topic: t\n", ""),
        HEAD.replace("t/a", "Adds"),
        HEAD + "    level: shuold\n",
        rule(then="x: {valuez: 1}"),
        rule(then="x: {each: {exact: maybe}}"),
        HEAD + "    given: [1]\n",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text: str, validator: object) -> None:
    """An editor marks unknown keys, missing keys, wrong ids and wrong types."""
    assert list(validator.iter_errors(yaml.safe_load(text)))  # type: ignore[attr-defined]


def test_every_key_is_described() -> None:
    """The schemas name their dialect, forbid unknown keys, and speak of keys as files write them."""
    for model in (SpecFile, VocabularyFile):
        schema = json_schema(model)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["additionalProperties"] is False
    properties = json_schema(SpecFile)["$defs"]["RuleEntry"]["properties"]
    assert {"with", "given", "when", "then"} <= properties.keys()
    assert "with_" not in properties
