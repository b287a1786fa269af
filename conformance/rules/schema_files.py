"""The JSON Schema files that are kept in the repository, generated from the models: ``python -m`` this module."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance.known.form import KnownForm
from conformance.results.reading import results_schema
from conformance.rules.schema import SpecFile, VocabularyFile, json_schema
from conformance.rules.vocabulary import specs_folder


def schema_files() -> Mapping[Path, str]:
    """Every generated schema file, with the text it should hold."""
    specs = specs_folder()
    schemas: dict[Path, dict[str, Any]] = {
        specs / "rules.schema.json": {"title": "A file of conformance rules", **json_schema(SpecFile)},
        specs / "vocabulary.schema.json": {"title": "The vocabulary of rules", **json_schema(VocabularyFile)},
        specs.parent / "docs" / "results.schema.json": results_schema(),
        specs.parent / "docs" / "known-failures.schema.json": {
            "title": "A file of known failures",
            **json_schema(KnownForm),
        },
    }
    return {path: json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for path, schema in schemas.items()}


def main() -> None:
    """Write the files."""
    for path, text in schema_files().items():
        path.write_text(text, encoding="utf-8")
        print(path.name)


if __name__ == "__main__":
    main()
