"""How the set-up talks on a terminal: questions, and a mark before what it found."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

_INDENT = 3


class Terminal:
    """Asks and tells; every text goes out as it is, whatever brackets are in it.

    Args:
        console: Where the questions appear.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    # -- telling --

    def title(self, text: str, below: str) -> None:
        """Say what this is."""
        self._console.print()
        self._line(Text(text, "bold magenta"), indent=1)
        self._line(Text(below, "dim"), indent=1)

    def section(self, title: str, lines: Sequence[str] = ()) -> None:
        """Begin a part, with what there is to know or do first."""
        self._console.print()
        self._line(Text(title, "bold"), indent=1)
        for line in lines:
            self._line(Text(line), indent=_INDENT)

    def good(self, text: str) -> None:
        """Say what is well."""
        self._marked("✓", "green", text)

    def bad(self, text: str) -> None:
        """Say what is not, and what to do."""
        self._marked("✗", "red", text)

    def note(self, text: str) -> None:
        """Say what to know."""
        self._marked("·", "yellow", text)

    def show(self, text: str) -> None:
        """Show something to copy, alone on its line."""
        self._console.print(Text(f"{' ' * 6}{text}", "bold cyan"), soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Show that something goes on while the block runs."""
        with self._console.status(Text(text)):
            yield

    # -- asking --

    def ask(self, question: str, default: str = "") -> str:
        """Return the answer, free of blanks around it; Enter alone gives the default."""
        return self._input(question, default).strip() or default

    def ask_hidden(self, question: str) -> str:
        """Return the answer, which does not show while it is typed."""
        return self._input(question, "", is_hidden=True).strip()

    def confirm(self, question: str, default: bool = True) -> bool:
        """Return whether the answer is yes; asks again until it is yes or no."""
        while True:
            answer = self._input(question, "Y/n" if default else "y/N").strip().lower()
            if answer in ("", "y", "yes", "n", "no"):
                return answer.startswith("y") if answer else default
            self.bad("Please answer y or n.")

    def _input(self, question: str, default: str, *, is_hidden: bool = False) -> str:
        prompt = Text(f"{' ' * _INDENT}{question}", "bold")
        if default:
            prompt.append(f" [{default}]", "not bold dim")
        prompt.append(": ", "not bold")
        return self._console.input(prompt, password=is_hidden)

    def _marked(self, mark: str, style: str, text: str) -> None:
        self._line(Text.assemble((f"{mark} ", style), text), indent=_INDENT, hanging=2)

    def _line(self, text: Text, indent: int, hanging: int = 0) -> None:
        """Print a text that goes on under itself where it is too long for a line."""
        width = max(self._console.width - indent - hanging, 20)
        first, *rest = text.wrap(self._console, width) or [text]
        self._console.print(Padding(first, (0, 0, 0, indent)))
        for line in rest:
            self._console.print(Padding(line, (0, 0, 0, indent + hanging)))
