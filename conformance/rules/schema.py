"""The form of a spec file, as Pydantic models: what keys there are, and of which type.

From these models come the JSON Schema that editors read (``specs/rules.schema.json``) and the first half of a file's
errors. What a type cannot say (names, code, positions inside code) is checked in :mod:`conformance.rules.loading`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

Code = Annotated[str, Field(min_length=1)]
Scalar = bool | int | float | str
Oracle = Annotated[
    Annotated[bool, Tag("bool")]
    | Annotated[int, Tag("int")]
    | Annotated[float, Tag("float")]
    | Annotated[Code, Tag("expression")]
    | Annotated[list[Any], Tag("list")],
    Discriminator(lambda value: _kind(value, "expression")),
    Field(description="A number, a list of numbers, or a NumPy expression over givens and parameters."),
]


def _kind(value: Any, text: str) -> str:
    """The tag of a value: one branch of a union, so that an error speaks of that branch alone."""
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, text), (list, "list"), (dict, "mapping")):
        if isinstance(value, kind):
            return name
    return "empty"


OneOrMore = Annotated[
    Annotated[Code, Tag("expression")] | Annotated[list[Code], Tag("list")],
    Discriminator(lambda value: _kind(value, "expression")),
]
CodeOrList = Annotated[
    Annotated[Code, Tag("expression")] | Annotated[list[Any], Tag("list")],
    Discriminator(lambda value: _kind(value, "expression")),
]
Release = Annotated[  # the loader keeps it as text; to an editor's YAML parser 2.1 without quotes is a number
    str, Field(pattern=r"^\d+\.\d+$"), WithJsonSchema({"type": ["string", "number"], "pattern": r"^\d+\.\d+$"})
]
Flag = Annotated[
    Annotated[bool, Tag("bool")] | Annotated[Code, Tag("expression")],
    Discriminator(lambda value: _kind(value, "expression")),
]
Count = Annotated[
    Annotated[int, Tag("int")] | Annotated[Code, Tag("expression")],
    Discriminator(lambda value: _kind(value, "expression")),
]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Expect(_Entry):
    """What is expected of one observation; every key is a check of its own."""

    values: Oracle | None = Field(None, description="Values and shape.")
    filled: Oracle | None = Field(None, description="Every element has this value, whatever the shape.")
    exact: bool = Field(False, description="No tolerance for values.")
    scale: Oracle | None = Field(None, description="The magnitude that the tolerance is taken of; for expected zeros.")
    within: float | None = Field(
        None, gt=0, description="An absolute tolerance: for numbers that a page prints rounded."
    )
    dtype: Code | None = Field(None, description="float32, or an expression over parameters.")
    shape: CodeOrList | None = None
    strides: CodeOrList | None = None
    device: Code | None = None
    type: Code | None = Field(None, description="The class: Tensor, nn.Parameter, tuple, …")
    requires_grad: Flag | None = None
    is_leaf: Flag | None = None
    grad_fn: Code | None = Field(None, description="none, present, or the name of the node.")
    version: Count | None = Field(None, description="The version counter.")
    length: Count | None = None
    keys: CodeOrList | None = Field(None, description="Keys of a mapping, or names of (name, value) pairs, in order.")
    text: str | None = Field(None, description="This very string.")
    data: Any = Field(None, description="Literal Python data: lists, mappings, strings, numbers.")
    same_object: OneOrMore | None = Field(None, alias="is", description="The same object, or list of objects.")
    shares_memory_with: OneOrMore | None = None
    same_as: Code | None = Field(None, description="Bitwise equal to another observed value, nested.")
    close_to: Code | None = Field(None, description="Equal to another observed value within tolerance.")
    unchanged: Literal[True] | None = Field(None, description="A given that still holds what was made.")
    not_: Expect | None = Field(None, alias="not", description="None of these relations or facts holds.")
    each: Expectation | None = Field(None, description="Holds of every element, of which there is at least one.")
    any_order: list[Any] | Code | None = Field(None, description="These elements, in any order.")
    elements_from: Oracle | None = Field(None, description="Every element equals one of these at its place.")
    one_of: list[Expectation] | None = Field(None, description="At least one of these expectations holds.")
    unspecified: bool | str | None = Field(None, description="Recorded, never failed; say why.")
    holds: OneOrMore | None = Field(None, description="A NumPy condition on 'it'; for statistics.")
    condition: Code | None = Field(None, alias="if", description="Checked only where this holds of the parameters.")


Expectation = Annotated[
    Annotated[bool, Tag("bool")]
    | Annotated[int, Tag("int")]
    | Annotated[float, Tag("float")]
    | Annotated[Code, Tag("expression")]
    | Annotated[list[Any], Tag("list")]
    | Annotated[Expect, Tag("mapping")],
    Discriminator(lambda value: "mapping" if isinstance(value, Expect) else _kind(value, "expression")),
]


class GivenEntry(_Entry):
    """One given: data that the harness makes and hands to the implementation."""

    values: Oracle | None = None
    normal: CodeOrList | None = Field(None, description="The shape; standard normal unless mean and std are given.")
    uniform: CodeOrList | None = Field(None, description="The shape; in [low, high), by default [0, 1).")
    integers: CodeOrList | None = Field(None, description="The shape; in [low, high).")
    like: Code | None = Field(None, description="Shape and dtype of another given; values of its own, standard normal.")
    module: Code | None = Field(None, description="A layer; its parameters are filled with the harness's data.")
    any: Any = Field(None, description="Drawn by Hypothesis: a property.")
    mean: Oracle | None = None
    std: Oracle | None = None
    low: Oracle | None = None
    high: Oracle | None = None
    dtype: Code | None = None
    requires_grad: Flag = False
    as_: Literal["tensor", "parameter", "numpy", "list"] = Field("tensor", alias="as")


class AnyEntry(_Entry):
    """What Hypothesis draws: by default a tensor of any small shape, zero-sized and 0-d included."""

    shape: CodeOrList | None = Field(None, description="The shape, instead of a drawn one.")
    broadcasts_with: Code | None = Field(None, description="A shape that broadcasts with this given's.")
    dims: list[int] | None = Field(None, description="[fewest, most] dimensions; [0, 3].")
    sides: list[int] | None = Field(None, description="[shortest, longest] side; [0, 4].")
    low: float | int | None = Field(None, description="Smallest value; -4.")
    high: float | int | None = Field(None, description="Largest value; 4.")
    step: float | int | None = Field(None, description="Values are multiples of it; 0.25, so that sums stay exact.")
    nonzero: bool = Field(False, description="No value is zero.")
    integer: list[int] | None = Field(None, description="[smallest, largest]: a Python int instead of a tensor.")
    choice: list[Any] | None = Field(None, description="One of these, as Python data instead of a tensor.")


class Disagreement(_Entry):
    """Where torch does not do what its documentation says."""

    says: Code = Field(description="What the documentation says, in our own words.")
    upstream: str | None = Field(None, description="A link to the issue upstream.")


class RuleEntry(_Entry):
    """One documented behaviour."""

    id: str = Field(pattern=r"^[a-z0-9-]+/[a-z0-9.-]+$", description="topic/slug; permanent, never reused.")
    says: Code = Field(description="The behaviour in one sentence.")
    source: OneOrMore = Field(description="The documented objects or pages that say so.")
    level: Literal["must", "should", "de-facto"] = "must"
    since: Release | None = Field(None, description="The first torch release with this behaviour.")
    until: Release | None = Field(None, description="The first torch release without it.")
    myth: str | None = Field(None, description="A claim widely taught that this rule proves wrong.")
    disagreement: Disagreement | None = None
    covers: list[str] = Field(default_factory=list, description="Further ids of the inventory that this rule settles.")
    needs: list[str] = Field(default_factory=list, description="Capabilities beyond those of the names used.")
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="Parameters; their product gives the cases."
    )
    combine: Literal["product", "pairs"] = "product"
    given: dict[str, Any] = Field(default_factory=dict)
    when: str = ""
    expect: str = Field("", description="A NumPy block for expectations that need a loop.")
    then: Annotated[
        Annotated[dict[str, Expectation], Tag("mapping")] | Annotated[list[dict[str, Expectation]], Tag("list")],
        Discriminator(lambda value: _kind(value, "text")),
    ] = Field(default_factory=dict, description="Observation -> expectation; or groups of these, each with an 'if:'.")


class SpecFile(_Entry):
    """A topic and its rules."""

    topic: str = Field(pattern=r"^[a-z0-9-]+$")
    title: Code
    about: str = ""
    area: Code | None = Field(None, description="The part of a report that the topic belongs to: Autograd, Devices, …")
    axes: dict[str, Any] = Field(default_factory=dict, description="Named parameter sets shared by the file's rules.")
    oracle: str = Field("", description="NumPy functions shared by the file's rules.")
    retired: list[str] = Field(default_factory=list, description="Ids that were in use once and never will be again.")
    rules: list[RuleEntry] = Field(min_length=1)


class Capability(_Entry):
    """Names that an implementation plausibly has or lacks together."""

    about: Code
    factories: list[str] = Field(default_factory=list, description="Functions that take device=.")
    functions: list[str] = Field(default_factory=list)
    values: list[str] = Field(default_factory=list)
    classes: list[str] = Field(default_factory=list)
    layers: list[str] = Field(default_factory=list, description="Modules whose constructor takes device=.")
    tensor: list[str] = Field(default_factory=list, description="Members of a tensor.")
    module: list[str] = Field(default_factory=list, description="Members of a module.")
    node: list[str] = Field(default_factory=list, description="Members of a graph node.")
    members: list[str] = Field(default_factory=list, description="Members of anything else.")


class VocabularyFile(_Entry):
    """Every API name that rules may use."""

    observers: list[str]
    capabilities: dict[str, Capability]


Expect.model_rebuild()


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a file described by ``model``."""
    schema: dict[str, Any] = _any_of(model.model_json_schema(by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _any_of(schema: Any) -> Any:
    """``schema`` with every oneOf as anyOf: to JSON Schema an integer is a number as well, and so is two of one."""
    if isinstance(schema, dict):
        return {"anyOf" if key == "oneOf" else key: _any_of(value) for key, value in schema.items()}
    return [_any_of(item) for item in schema] if isinstance(schema, list) else schema
