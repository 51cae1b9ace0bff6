"""What a person sees of a running job on a terminal: log lines, and below them the bars of what is under way."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class Bar:
    """One moving bar."""

    def __init__(self, display: Progress, title: str, total: int):
        self._display = display
        self._task = display.add_task(title, total=total)

    def advance(self, steps: int) -> None:
        """Move the bar."""
        self._display.advance(self._task, steps)

    def remove(self) -> None:
        """Take the bar off the screen."""
        self._display.remove_task(self._task)


class Screen:
    """A terminal, or a plain stream on which bars are left out.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to write; standard output by default.
    """

    def __init__(self, console: Console | None = None):
        self._console = console or Console(highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._display = Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._bars = 0

    def print_line(self, text: str, style: str = "") -> None:
        """Print one line above the bars."""
        self._console.print(escape(text), style=style, soft_wrap=True)

    @contextmanager
    def show_bar(self, title: str, total: int) -> Iterator[Bar]:
        """Show a bar while the block runs; bars may be nested."""
        if self._bars == 0:
            self._display.start()
        self._bars += 1
        bar = Bar(self._display, escape(title), total)
        try:
            yield bar
        finally:
            bar.remove()
            self._bars -= 1
            if self._bars == 0:
                self._display.stop()
