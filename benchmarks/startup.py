"""CPU seconds of ``triskelion --help``, best of three: what a person waits for before anything happens."""

import json
import resource
import subprocess
import sys
from pathlib import Path

TARGET_S = 0.4


def measure_cpu_s(command: list[str]) -> float:
    """User and system seconds that one run of ``command`` takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    program = Path(sys.executable).with_name("triskelion")
    best = min(measure_cpu_s([str(program), "--help"]) for _ in range(3))
    print(json.dumps({"help_cpu_s": round(best, 3), "target_s": TARGET_S, "ratio": round(best / TARGET_S, 2)}))


if __name__ == "__main__":
    main()
