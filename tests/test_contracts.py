"""What must agree across files: labels, settings, commands, documents."""

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

import recommender.mood.targets
import vision
from bot import texts
from bot.settings import Settings
from tests.support.contracts import ROOT

README = (ROOT / "README.md").read_text()
OPERATING, COMMANDS, ARCHITECTURE = (
    (ROOT / "docs" / f"{name}.md").read_text()
    for name in ("operating", "commands", "architecture")
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_both_packages_name_the_same_emotions_in_the_same_order() -> None:
    assert recommender.mood.targets.EMOTIONS == vision.EMOTIONS
    assert tuple(texts.EMOTION_EMOJI) == tuple(texts.ADJECTIVES) == vision.EMOTIONS


def test_every_mode_has_its_words() -> None:
    assert (
        set(texts.MODE_LABELS) == set(texts.MODE_MEANINGS) == set(recommender.mood.targets.MODES)
    )


def test_env_example_and_the_page_on_operating_name_every_setting() -> None:
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields}
    assert named == settings
    assert settings <= set(re.findall(r"`([A-Z_]+)`", OPERATING))


def test_the_page_on_commands_lists_every_command_and_no_other() -> None:
    shown = set(re.findall(r"^\| `mirrortape ([a-z-]+(?: [a-z]+)?)", COMMANDS, re.MULTILINE))
    of_catalogue = {f"catalogue {name}" for name in _commands(["catalogue"])}
    assert shown == set(_commands([])) | of_catalogue


def test_the_readme_lists_every_chat_command() -> None:
    table = set(re.findall(r"^\| `/([a-z]+)", README, re.MULTILINE))
    assert table == set(texts.COMMANDS)
    assert set(texts.COMMANDS) - {"start", "help"} <= set(re.findall(r"/([a-z]+)", texts.HELP))


def test_the_readme_can_be_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 150


def test_the_architecture_names_every_package_and_nothing_that_is_not_there() -> None:
    named = set(re.findall(r"`((?:bot|vision|recommender|tests)/[a-z_/.]+)`", ARCHITECTURE))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    packages = {
        path.parent.relative_to(ROOT).as_posix()
        for package in ("bot", "vision", "recommender")
        for path in (ROOT / package).glob("*/**/__init__.py")
    }
    assert packages == {name for name in named if not name.endswith(".py")}


@pytest.mark.parametrize("package", ["bot", "vision", "recommender"])
def test_the_diagram_draws_the_layers_that_import_linter_checks(package: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (
        contract["layers"]
        for contract in contracts["contracts"]
        if contract.get("containers") == [package]
    )
    drawn = ARCHITECTURE.partition(f"subgraph {package}\n")[2].partition("    end\n")[0]
    boxes = dict(re.findall(r'(\w+)\["([^"]+)"\]', drawn))
    assert [box.split(", ") for box in boxes.values()] == [row.split(" | ") for row in layers]
    chains = [re.findall(r"\w+", line) for line in drawn.splitlines() if "-->" in line]
    arrows = {pair for chain in chains for pair in pairwise(chain)}
    assert arrows == set(pairwise(boxes))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    files = re.findall(r"`((?:bot|vision|recommender|tests|docs|models)/[\w/.-]+)`", text)
    there = [page.parent / link for link in links] + [ROOT / file for file in files]
    assert [path for path in there if not path.exists()] == []


def test_help_needs_no_heavy_library() -> None:
    heavy = {"tensorflow", "keras", "onnx", "onnxruntime", "cv2", "numpy"}
    heavy |= {"telegram", "spotipy", "sqlite_utils"}
    code = f"import sys, bot.cli.main; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def _commands(group: list[str]) -> list[str]:
    """Return the names of the commands in a group of the command line."""
    import typer.main

    from bot.cli.main import app

    command = typer.main.get_command(app)
    for name in group:
        command = command.commands[name]
    return [name for name in command.commands if name != "catalogue"]
