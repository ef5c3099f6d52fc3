"""What the system knows about a process; Linux alone tells."""

from pathlib import Path


def children(pid: int) -> list[int]:
    """Return the processes that a process has begun and that still are."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def vision_workers(bot: int) -> list[int]:
    """Return those processes of a bot that hold a network, or are about to."""
    return [pid for pid in children(bot) if b"spawn_main" in command_line(pid)]


def command_line(pid: int) -> bytes:
    """Return how a process was called; nothing of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return b""


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Return what a process holds: VmRSS now, VmHWM at most since `forget_peak`."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024


def forget_peak(pid: int) -> None:
    """Let VmHWM begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
