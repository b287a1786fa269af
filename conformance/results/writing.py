"""Writing results as they come: a line a case, so that a run cut off at any moment keeps what it had."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from conformance.errors import ResultsError
from conformance.results.model import Line, encoded
from conformance.results.reading import read_results


class ResultsWriter:
    """Appends lines to a file; each is in the file, whole, when :meth:`write` returns.

    Args:
        path: the file; what it held is replaced unless ``resume`` is set.
        resume: keep the file's lines, less a torn last one, and go on after them.

    Raises:
        ResultsError: the file cannot be opened, or cannot be resumed.

    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if resume and path.exists():
                kept = read_results(path).whole_bytes
                with path.open("r+b") as file:
                    file.truncate(kept)
            self._file = path.open("ab" if resume else "wb", buffering=0)
        except OSError as error:
            raise _not_written(path, error) from error

    def write(self, line: Line) -> None:
        """Append one line.

        Raises:
            ResultsError: it cannot be written; a full disk, say.

        """
        rest = memoryview(encoded(line) + b"\n")
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise _not_written(self.path, error) from error

    def __enter__(self) -> ResultsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def replace_results(path: Path, lines: Iterable[Line]) -> None:
    """Write a whole file of ``lines``; what ``path`` held is there until all of them are written.

    Raises:
        ResultsError: it cannot be written.

    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "Is a directory")
        with ResultsWriter(unfinished) as writer:
            for line in lines:
                writer.write(line)
        unfinished.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> ResultsError:
    return ResultsError(f"cannot write results to {path}: {error.strerror or error}", "name another file")
