"""The smallest failing example of a property as an ordinary rule: it stays when draws and shrinking change.

:mod:`conformance.pinning.entry` makes the rule and :mod:`conformance.pinning.file` appends it to a spec file.
"""

from conformance.pinning.entry import pinned
from conformance.pinning.file import append, rule_in, topic_of

__all__ = ["append", "pinned", "rule_in", "topic_of"]
