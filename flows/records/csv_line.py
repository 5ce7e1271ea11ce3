"""A record as one line of CSV, quoted wherever a reader might take it for two."""

import csv
from collections.abc import Iterable


class _Line:
    """A file for csv.writer that hands back what is written."""

    def write(self, line: str) -> str:
        return line


# The writer quotes what its line end has in it: a carriage return alone would begin a new record too.
_writer = csv.writer(_Line(), lineterminator="\r\n")


def csv_line(cells: Iterable[object]) -> str:
    """The cells, None as an empty one, and a line feed at the end."""
    line: str = _writer.writerow(cells)
    return line.removesuffix("\r\n") + "\n"
