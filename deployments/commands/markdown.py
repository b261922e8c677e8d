"""Markdown on a terminal: statements stay on one line to be copied, and a table too wide becomes a list."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, TableElement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

# Below this a column breaks every other word.
NARROWEST_COLUMN = 9


class Title(Heading):
    """Headings begin at the margin, as everything else does."""

    LEVEL_ALIGN: ClassVar = {}


class Verbatim(CodeBlock):
    """Code is copied into psql at 2 am: a line break in the middle of it would be run as one."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in str(self.text).rstrip().splitlines():
            yield Text(f"  {line}", style="cyan", no_wrap=True, overflow="ignore")


class FittingTable(TableElement):
    """A table; one with more columns than the terminal holds shows each row as a list of its fields."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        names = [cell.content for cell in self.header.row.cells] if self.header and self.header.row else []
        if len(names) * NARROWEST_COLUMN <= options.max_width:
            for table in super().__rich_console__(console, options):
                yield _folded(table)
            return
        for row in self.body.rows if self.body else []:
            fields = Table.grid(padding=(0, 2, 0, 0))
            for name, cell in zip(names, row.cells, strict=True):
                if cell.content:
                    fields.add_row(name, cell.content)
            yield Padding(fields, (0, 0, 1, 2))


def _folded(table: object) -> Table:
    """Long words go on in the next line; rich would cut them off."""
    assert isinstance(table, Table)  # noqa: S101 - what rich draws a table with
    for column in table.columns:
        column.overflow = "fold"
    return table


class Page(Markdown):
    """Our Markdown."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": Title,
        "fence": Verbatim,
        "code_block": Verbatim,
        "table_open": FittingTable,
    }
