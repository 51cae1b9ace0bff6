"""What a job cost: processor seconds, wall seconds, memory."""

import resource
import sys
import time
from pathlib import Path


class UsageMeter:
    """Measures from when it is made."""

    def __init__(self):
        self._wall = time.monotonic()
        self._cpu = _cpu_s()

    def read(self) -> dict[str, float]:
        """Return cpu_s (user and system, child processes that ended included), wall_s, peak_rss_MB of this process."""
        cpu_s, wall_s = _cpu_s() - self._cpu, time.monotonic() - self._wall
        return {"cpu_s": round(cpu_s, 2), "wall_s": round(wall_s, 2), "peak_rss_MB": round(_peak_rss_MB(), 1)}


def _cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_rss_MB() -> float:
    """Largest resident memory; from /proc where there is one, because Linux carries ru_maxrss over from the parent process."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM:")), None)
        if line:
            return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
