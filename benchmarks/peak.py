"""Peak memory of this program alone."""

import resource
from pathlib import Path


def peak_megabytes() -> float:
    """The most resident memory this process had so far, in MB.

    `getrusage` would also count what the parent had when it started this process (a test runner's gigabytes), so
    Linux is asked for the high-water mark of the present program; elsewhere `getrusage` has to do.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
