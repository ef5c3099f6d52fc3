import stat
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from bot.cli.env_file import set_aside, set_value, write_private
from tests.support.contracts import ROOT

EXAMPLE = (ROOT / ".env.example").read_text()


def read(text: str, folder: Path) -> dict[str, str | None]:
    path = folder / "some.env"
    path.write_text(text)
    return dotenv_values(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "PUBLIC_URL=new\n"),
        ("A=1", "A=1\nPUBLIC_URL=new\n"),
        ("# why\nPUBLIC_URL=old\nA=1\n", "# why\nPUBLIC_URL=new\nA=1\n"),
        ("PUBLIC_URL=a\nA=1\nPUBLIC_URL=b\n", "PUBLIC_URL=a\nA=1\nPUBLIC_URL=new\n"),
        ("export PUBLIC_URL = 'old'  # mine\n", "PUBLIC_URL=new\n"),
        ("public_url=old\n", "PUBLIC_URL=new\n"),
        (
            "# A default:\n# PUBLIC_URL=\nA=1\n",
            "# A default:\n# PUBLIC_URL=\nPUBLIC_URL=new\nA=1\n",
        ),
        ("# PUBLIC_URL=x\nPUBLIC_URL=old\n", "# PUBLIC_URL=x\nPUBLIC_URL=new\n"),
        ("MY_PUBLIC_URL=old\n", "MY_PUBLIC_URL=old\nPUBLIC_URL=new\n"),
        ("# see PUBLIC_URL=x\n", "# see PUBLIC_URL=x\nPUBLIC_URL=new\n"),
    ],
)
def test_only_the_line_that_counts_changes(before: str, after: str) -> None:
    assert set_value(before, "PUBLIC_URL", "new") == after


def test_what_is_set_aside_can_still_be_read_but_has_no_effect(tmp_path: Path) -> None:
    text = set_aside("A=1\nSECRET_KEY=torn\n  secret_key=too\n", "SECRET_KEY")
    assert text == "A=1\n# SECRET_KEY=torn\n# secret_key=too\n"
    assert read(text, tmp_path) == {"A": "1"}


@given(
    st.sampled_from(["TELEGRAM_BOT_TOKEN", "PUBLIC_URL", "WEB_ADDRESS", "NEW"]),
    st.text("abc019:/=-_.,*# ", max_size=20).map(str.strip),
)
def test_a_value_is_read_back_and_all_others_and_every_comment_stay(name: str, value: str) -> None:
    changed = set_value(EXAMPLE, name, value)
    before = dotenv_values(stream=StringIO(EXAMPLE))
    assert dotenv_values(stream=StringIO(changed)) == {**before, name: value}
    rest = [line for line in EXAMPLE.splitlines() if not line.startswith(f"{name}=")]
    assert [line for line in changed.splitlines() if not line.startswith(f"{name}=")] == rest


def test_a_key_that_was_set_aside_outlives_the_next_one() -> None:
    text = set_value(set_aside("SECRET_KEY=torn\n", "SECRET_KEY"), "SECRET_KEY", "whole")
    assert text == "# SECRET_KEY=torn\nSECRET_KEY=whole\n"


def test_a_file_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)
    write_private(path, "A=2\n")
    assert path.read_text() == "A=2\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    path = tmp_path / ".env"
    path.symlink_to(tmp_path / "kept" / "env")
    write_private(path, "A=1\n")
    assert path.is_symlink()
    assert (tmp_path / "kept" / "env").read_text() == "A=1\n"


def test_a_write_that_fails_leaves_what_was(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "A=\ud800\n")
    assert path.read_text() == "A=1\n"
    assert list(tmp_path.iterdir()) == [path]
