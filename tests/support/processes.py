"""What Linux tells about a process; other systems have no /proc."""

from pathlib import Path


def children(pid: int) -> list[int]:
    """Return the ids of a process's running children."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for each in threads for child in _read(each / "children").split()]


def vision_workers(bot: int) -> list[int]:
    """Return the ids of a bot's vision workers."""
    command_lines = {pid: _read(Path(f"/proc/{pid}/cmdline")) for pid in children(bot)}
    return [pid for pid, line in command_lines.items() if b"spawn_main" in line]


def _read(path: Path) -> bytes:
    """Read a file of a process; empty if the process has just ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Return what a process holds: VmRSS now, VmHWM at most since `forget_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024


def forget_peak(pid: int) -> None:
    """Reset VmHWM."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
