"""Scripts executed in this process: many times faster than a process each, and under the faults that a test makes."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import Any

from conformance.implementations.contract import Implementation


@dataclass(frozen=True)
class Ran:
    """The exit status that the script would have, what it printed, and the error that ended it early."""

    status: int
    output: str
    error: BaseException | None = None


def execute(source: str, implementation: Implementation) -> Ran:
    """Run ``source`` as a script and put global state back."""
    printed = io.StringIO()
    status, ended = 0, None
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            code = compile(source, "script.py", "exec")
            environment: dict[str, Any] = {"__name__": "__main__"}
            exec(code, environment)
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 1
    except Exception as error:
        status, ended = 1, error
    finally:
        implementation.reset()
    return Ran(status, printed.getvalue(), ended)


#: The exit status that belongs to an outcome of the suite.
STATUS = {"pass": 0, "unspecified": 0, "fail": 1, "unsupported": 77}
