"""The form of a known-failures file, as Pydantic models, and what its texts mean: dates, versions, links."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, get_args

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from conformance.running.outcome import Kind


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise PydanticCustomError("texts", "text, or a list of texts")


def _kinds(value: list[str]) -> list[str]:
    unknown = [one for one in value if one not in get_args(Kind)]
    if unknown:
        raise PydanticCustomError("kinds", "kinds of failure: {kinds}", {"kinds": ", ".join(get_args(Kind))})
    return value


def _date(text: str) -> datetime.date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    raise PydanticCustomError("date", "a date such as 2027-01-31")


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise PydanticCustomError("specifier", "versions such as '>=2.10,<2.14' or '==2.13.*'") from None


def _link(text: str) -> str:
    if not re.fullmatch(r"https?://\S+", text):
        raise PydanticCustomError("link", "a link: https://…")
    return text


Text = Annotated[str, Field(min_length=1)]
_ONE_OR_MORE = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}}]}
Texts = Annotated[list[Text], BeforeValidator(_texts), Field(min_length=1), WithJsonSchema(_ONE_OR_MORE)]
_KINDS_SCHEMA = {"anyOf": [{"enum": list(get_args(Kind))}, {"type": "array", "items": {"enum": list(get_args(Kind))}}]}


class EntryForm(BaseModel):
    """Failures that are known, for one reason."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        arbitrary_types_allowed=True,
        json_schema_extra={"anyOf": [{"required": ["rules"]}, {"required": ["cases"]}]},
    )

    rules: Texts | None = Field(None, description="Ids of rules, topics, or globs over ids.")
    cases: Texts | None = Field(None, description="Ids of cases; * and ? are wild, brackets are themselves.")
    implementation: Texts | None = Field(None, description="Only on these implementations; globs.")
    device: Texts | None = Field(None, description="Only on these devices; globs.")
    version: Annotated[
        Annotated[str, AfterValidator(_specifier)] | None,
        Field(description="Only on these versions of the implementation: '>=2.10,<2.14'."),
        WithJsonSchema({"type": "string"}),
    ] = None
    kinds: Annotated[
        Annotated[Texts, AfterValidator(_kinds)] | None,
        Field(description="Only failures all of whose findings are of these kinds."),
        WithJsonSchema(_KINDS_SCHEMA),
    ] = None
    reason: Text = Field(description="Why it fails, for the person who reads the report.")
    issue: Annotated[
        Annotated[str, AfterValidator(_link)] | None,
        Field(description="A link to where it is being mended."),
        WithJsonSchema({"type": "string", "format": "uri"}),
    ] = None
    flaky: bool = Field(False, description="It fails at times only; needs 'until:'.")
    until: Annotated[
        Annotated[str, AfterValidator(_date)] | None,
        Field(description="The last day on which the entry excuses anything."),
        WithJsonSchema({"type": "string", "format": "date"}),
    ] = None


class KnownForm(BaseModel):
    """A known-failures file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    known: list[EntryForm] = Field(description="The first entry that matches a case is the case's.")
