"""The helper functions of scripts, as real Python: scripts take their text, annotations left out.

Nothing here runs inside the package; :mod:`conformance.repro.pieces` reads it. The names below stand for what a script
has under them.
"""

from __future__ import annotations

from typing import Any

torch: Any = None
nn: Any = None
dtype: Any = None
device: str = ""
implementation: Any = None
missing_members: list[str] = []
