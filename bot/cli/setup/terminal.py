"""The set-up's input and output on a terminal."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from getpass import getpass

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_INDENT = 3


class Terminal:
    """Asks and reports; texts are printed literally, without markup.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    # -- output --

    def title(self, text: str, below: str) -> None:
        """Print the title."""
        self._console.print()
        self._line(Text(text, "bold magenta"), indent=1)
        self._line(Text(below, "dim"), indent=1)

    def section(self, title: str, text: str = "", steps: Sequence[str] = ()) -> None:
        """Start a section, with an explanation and numbered steps."""
        self._console.print()
        if title:
            self._line(Text(title, "bold"), indent=1)
        if text:
            self._line(Text(text), indent=_INDENT)
        if steps:
            numbers = enumerate(steps, start=1)
            self._rows([(Text(f"{number}.", "dim"), Text(step)) for number, step in numbers])

    def good(self, text: str) -> None:
        """Report a success."""
        self._marked("✓", "green", text)

    def bad(self, text: str) -> None:
        """Report a problem and what to do."""
        self._marked("✗", "red", text)

    def note(self, text: str) -> None:
        """Print a remark."""
        self._marked("·", "yellow", text)

    def show(self, text: str) -> None:
        """Print something to copy, alone on its line."""
        self._console.print(Text(f"{' ' * 6}{text}", "bold cyan"), soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show a spinner during the block."""
        with self._console.status(Text(text)):
            yield

    # -- input --

    def ask(self, question: str, default: str = "") -> str:
        """Return the answer without surrounding spaces; Enter alone gives the default."""
        return self._input(question, default).strip() or default

    def ask_hidden(self, question: str) -> str:
        """Return the answer, which is not shown while it is typed."""
        with self._console.capture() as prompt:
            self._console.print(self._prompt(question), end="")
        return getpass(prompt.get()).strip()  # it turns off echo before it asks

    def confirm(self, question: str, default: bool = True) -> bool:
        """Return whether the answer is yes; repeat the question until it is yes or no."""
        while True:
            answer = self._input(question, "Y/n" if default else "y/N").strip().lower()
            if answer in ("", "y", "yes", "n", "no"):
                return answer.startswith("y") if answer else default
            self.bad("Please answer y or n.")

    def _input(self, question: str, default: str) -> str:
        return self._console.input(self._prompt(question, default))

    def _prompt(self, question: str, default: str = "") -> Text:
        prompt = Text(f"{' ' * _INDENT}{question}", "bold")
        if default:
            prompt.append(f" [{default}]", "not bold dim")
        return prompt.append(": ", "not bold")

    def _marked(self, mark: str, style: str, text: str) -> None:
        self._rows([(Text(mark, style), Text(text))])

    def _rows(self, rows: Sequence[tuple[Text, Text]]) -> None:
        """Print marks and texts, with a hanging indent."""
        grid = Table.grid(padding=(0, 1))
        for row in rows:
            grid.add_row(*row)
        self._line(grid, indent=_INDENT)

    def _line(self, what: RenderableType, indent: int) -> None:
        self._console.print(Padding(what, (0, 0, 0, indent), expand=False))
