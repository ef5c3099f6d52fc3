"""What must agree across files: labels, settings, commands, the README."""

import re
import subprocess
import sys

import recommender.mood.targets
import vision
from bot import texts
from bot.settings import Settings
from tests.support.contracts import ROOT

README = (ROOT / "README.md").read_text()


def test_both_packages_name_the_same_emotions_in_the_same_order() -> None:
    assert recommender.mood.targets.EMOTIONS == vision.EMOTIONS
    assert tuple(texts.EMOTION_EMOJI) == tuple(texts.ADJECTIVES) == vision.EMOTIONS


def test_every_mode_has_its_words() -> None:
    assert (
        set(texts.MODE_LABELS) == set(texts.MODE_MEANINGS) == set(recommender.mood.targets.MODES)
    )


def test_env_example_and_readme_name_every_setting() -> None:
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields}
    assert named == settings
    assert settings <= set(re.findall(r"`([A-Z_]+)`", README))


def test_the_readme_lists_every_command_and_no_other() -> None:
    shown = set(re.findall(r"^\| `mirrortape ([a-z-]+(?: [a-z]+)?)", README, re.MULTILINE))
    of_catalogue = {f"catalogue {name}" for name in _commands(["catalogue"])}
    assert shown == set(_commands([])) | of_catalogue


def test_the_readme_lists_every_chat_command() -> None:
    table = set(re.findall(r"^\| `/([a-z]+)", README, re.MULTILINE))
    assert table == set(texts.COMMANDS)
    assert set(texts.COMMANDS) - {"start", "help"} <= set(re.findall(r"/([a-z]+)", texts.HELP))


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
