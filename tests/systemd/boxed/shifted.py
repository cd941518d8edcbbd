"""Programs whose clock a test sets: shifted-clock.c says how."""

import os
import time

from rig import write

LIBRARY = "/usr/bin/shifted-clock.so"
FOLDER = "/run/shifted-clock"


class Clock:
    """That of one machine: the daemon's, or Azure's."""

    def __init__(self, name, rate=1, epoch=0):
        self.path = os.path.join(FOLDER, name)
        self.rate = rate
        self.epoch = epoch
        self.set()

    def set(self, wall_s=0, asleep_s=0):
        """The wall clock is off by @wall_s; the machine has slept for @asleep_s, which its monotonic
        clock does not know of."""
        write(self.path + ".new", "%d %d\n" % (wall_s, asleep_s))
        os.rename(self.path + ".new", self.path)

    def environment(self):
        return {"LD_PRELOAD": LIBRARY, "SHIFTED_CLOCK_FILE": self.path,
                "SHIFTED_CLOCK_RATE": str(self.rate), "SHIFTED_CLOCK_EPOCH": str(self.epoch)}

    def drop_in(self):
        """For the unit. The sandbox executes nothing that it is not told of."""
        return "ExecPaths=%s\n" % LIBRARY + "".join(
            "Environment=%s=%s\n" % pair for pair in self.environment().items())

    def now(self):
        """What it shows, but for what it was set by."""
        return self.epoch + (time.time() - self.epoch) * self.rate
