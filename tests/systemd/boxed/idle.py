#!/usr/bin/env python3
"""What the daemon costs between two slots: memory, and how often it wakes. Inside a box: `service`
beside this folder starts it; as TAP."""

import re
import shutil
import signal
import subprocess
import sys
import time

from rig import *

DISKS = 10
DIRTY_LIMIT_KIB = 3 * 1024
PRIVATE_LIMIT_KIB = 6 * 1024
# More than the watchdog's half, so that its feeding is among what is seen.
WATCHED_S = 70.0


def start_idle(simulation):
    """A round over ten disks has been done, and the next slot is months away."""
    write(POLICY, GOOD_POLICY.format(url=simulation.url, identity="managed", subscription=SUBSCRIPTION)
          .replace("every: 5s", "every: 366d"))
    start()
    wait_for("a snapshot of each disk", lambda: len(simulation.snapshots()) == DISKS, 60)
    wait_for("the end of the round", lambda: run("snapkeepctl", "status").returncode == 0, 60)


def test_memory_of_ten_disks():
    with Simulation("--disks", str(DISKS)) as simulation:
        start_idle(simulation)
        with open("/proc/%s/smaps_rollup" % prop("MainPID"), encoding="utf-8") as file:
            found = dict(re.findall(r"^Private_(Clean|Dirty): *(\d+)", file.read(), re.M))
        # Clean are pages of files that no other process has mapped: the programs' and libraries'.
        clean, dirty = int(found["Clean"]), int(found["Dirty"])
        print("# private memory with %d disks: %d KiB, %d of them dirty" % (DISKS, clean + dirty, dirty))
        want(dirty <= DIRTY_LIMIT_KIB, "%d KiB are dirty" % dirty)
        want(clean + dirty <= PRIVATE_LIMIT_KIB, "%d KiB" % (clean + dirty))


def test_wake_ups_between_slots():
    """Of the loop, as strace sees them: for the watchdog, and nothing else."""
    if not shutil.which("strace"):
        raise Skip("strace is not here")
    with Simulation("--disks", str(DISKS)) as simulation:
        start_idle(simulation)
        time.sleep(10)  # connections that were kept for the next request are given up
        asked = simulation.get("/sim/stats")["requests"]
        trace = subprocess.Popen(["strace", "-f", "-qq", "-y", "-p", prop("MainPID"), "-r", "-e",
                                  "trace=epoll_wait,epoll_pwait,sendmsg,sendto", "-o", "/run/trace"],
                                 stderr=subprocess.DEVNULL)
        time.sleep(WATCHED_S)
        trace.send_signal(signal.SIGINT)
        trace.wait()
        with open("/run/trace", encoding="utf-8") as file:
            lines = file.read().splitlines()
        woken = [line for line in lines if re.search(r"epoll_p?wait\(.* = \d+", line)]
        fed = [line for line in lines if "WATCHDOG=1" in line]
        print("# %d wake-ups in %g s, the watchdog fed %d times" % (len(woken), WATCHED_S, len(fed)))
        want(simulation.get("/sim/stats")["requests"] == asked, "Azure was asked")
        want(fed, "the watchdog was not fed")
        # One more is a timer that the round has left, and one a feeding that strace no longer saw.
        want(len(woken) <= len(fed) + 2, "it woke for something else\n" + "\n".join(lines))


TESTS = [test_memory_of_ten_disks, test_wake_ups_between_slots]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
