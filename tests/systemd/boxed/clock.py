#!/usr/bin/env python3
"""The clock of the machine is set beneath the daemon, and the machine sleeps; Azure's goes on. Inside a
box: `service` beside this folder starts it; as TAP."""

import calendar
import collections
import sys
import time

from journal import named
from rig import *
from shifted import Clock

EVERY_S = 5
HOUR = 3600
# So many seconds of theirs are one of the machine's, which the limits of waits are in.
RATE = 4


def instant(slot):
    return calendar.timegm(time.strptime(slot, "%Y%m%dT%H%M%SZ"))


class Watched:
    """The daemon and Azure, each with its clock, and all snapshots that were ever seen."""

    def __enter__(self):
        epoch = int(time.time())
        self.ours = Clock("daemon", RATE, epoch)
        self.azures = Clock("azure", RATE, epoch)
        self.simulation = Simulation("--no-limits", environment=self.azures.environment())
        self.slots = collections.defaultdict(dict)  # disk: {slot: id}
        self.twice = []
        write_policy(self.simulation.url)
        drop_in(self.ours.drop_in() + "WatchdogSec=3s\nRestart=no\n")
        self.began = time.time()
        start()
        self.wait("a deletion", lambda: self.deleted() > 0)
        return self

    def __exit__(self, *_):
        run("systemctl", "stop", UNIT)
        self.simulation.__exit__()

    def look(self):
        """Returns the ids that there are. What a slot had before it was deleted stays known."""
        snapshots = self.simulation.snapshots()
        for snapshot in snapshots:
            slots = self.slots[snapshot["tags"]["snapkeep-generation"]]
            slot = instant(snapshot["tags"]["snapkeep-slot"])
            if slots.setdefault(slot, snapshot["id"]) != snapshot["id"]:
                self.twice.append(snapshot["id"])
        return {snapshot["id"] for snapshot in snapshots}

    def wait(self, what, condition, seconds=60):
        def look_and_see():
            self.look()
            return condition()

        return wait_for(what, look_and_see, seconds)

    def deleted(self):
        return self.simulation.get("/sim/stats")["effects"]["deleted"]

    def newest(self):
        """The slot that every disk has."""
        return min(max(slots) for slots in self.slots.values())

    def wait_for_slots(self, n):
        wanted = self.newest() + n * EVERY_S
        self.wait("%d more slots" % n, lambda: self.newest() >= wanted)

    def gaps(self):
        """Of each disk: where the next slot is not the next one."""
        found = []
        for slots in self.slots.values():
            row = sorted(slots)
            found += [(a, b) for a, b in zip(row, row[1:]) if b != a + EVERY_S]
        return found

    def want_health(self):
        want(not self.twice, "a slot has two: %s" % self.twice)
        want(len(self.slots) == 3, "of %d disks" % len(self.slots))
        want(prop("ActiveState") == "active" and prop("NRestarts") == "0", status_text())
        want(not named("stuck", self.began), "it was stuck")


def states(name, since):
    return [entry["SNAPKEEP_STATE"] for entry in named(name, since)]


def step(offset_s):
    """The clock of the daemon's machine alone is set, and later set right."""
    with Watched() as watched:
        began = time.time()
        watched.ours.set(offset_s)
        watched.wait("word of the step", lambda: named("clock-stepped", began), 3)
        said = named("clock-stepped", began)[0]["MESSAGE"]
        shown = int(said.split(" by ")[1].split()[0])
        want(abs(shown - offset_s) <= 1, "%d s were told as: %s" % (offset_s, said))
        watched.wait("the doubt", lambda: states("clock", began), 3 * EVERY_S)
        want(states("clock", began) == ["begun"], "of the doubt: %s" % states("clock", began))
        want("clock" in run("snapkeepctl", "status").stdout, run("snapkeepctl", "status").stdout)

        # A DELETE that was on its way then has landed by the next slot.
        watched.wait_for_slots(1)
        there, deleted = watched.look(), watched.deleted()
        watched.wait_for_slots(4)
        want(watched.deleted() == deleted and there <= watched.look(), "it deleted in doubt")
        ahead = watched.newest() - watched.azures.now()
        want(abs(ahead) < 6 * EVERY_S, "the slots went with the clock, by %d s" % ahead)

        righted = time.time()
        watched.ours.set(0)
        watched.wait("the end of the doubt", lambda: "over" in states("clock", began))
        watched.wait("a deletion after it", lambda: watched.deleted() > deleted)
        want(named("clock-stepped", righted), "nothing of the step back")
        watched.wait_for_slots(2)
        want(states("clock", began) == ["begun", "over"],
             "of the doubt: %s" % states("clock", began))
        want(len(named("clock-stepped", began)) == 2,
             "%d steps were told" % len(named("clock-stepped", began)))
        want(not watched.gaps(), "slots were forgotten: %s" % watched.gaps())
        watched.want_health()


def test_set_forward_by_hours():
    step(3 * HOUR + 7)


def test_set_back_by_hours():
    step(-3 * HOUR - 7)


def test_set_by_less_than_a_minute():
    with Watched() as watched:
        began = time.time()
        watched.ours.set(40)
        watched.wait("word of the step", lambda: named("clock-stepped", began), 3)
        deleted = watched.deleted()
        watched.wait("deletions go on", lambda: watched.deleted() > deleted + 3)
        want(not states("clock", began), "40 s were taken for a clock that is wrong")
        want(not watched.gaps(), "slots were forgotten: %s" % watched.gaps())
        watched.want_health()


def test_asleep_for_hours():
    """Both clocks go on in suspend, only the daemon does not."""
    with Watched() as watched:
        began = time.time()
        deleted = watched.deleted()
        # Stopped, as one that sleeps: it must not ask between the one clock and the other.
        run("systemctl", "kill", "--signal=STOP", UNIT)
        watched.azures.set(3 * HOUR, 3 * HOUR)
        watched.ours.set(3 * HOUR, 3 * HOUR)
        run("systemctl", "kill", "--signal=CONT", UNIT)
        after = watched.azures.now() + 3 * HOUR
        watched.wait("a snapshot of every disk", lambda: watched.newest() >= after - EVERY_S,
                     3 * EVERY_S)
        watched.wait_for_slots(3)
        watched.wait("deletions go on", lambda: watched.deleted() > deleted + 3)
        gaps = watched.gaps()
        want(len(gaps) == 3 and all(b - a > 3 * HOUR - 3 * EVERY_S for a, b in gaps),
             "one gap of each disk was wanted, and there are %s" % gaps)
        # One that is stopped between two looks at its clocks may doubt them, and has to see its error.
        want(states("clock", began) in ([], ["begun", "over"]),
             "a clock that is right is doubted: %s" % [e["MESSAGE"] for e in named("clock", began)])
        want(not named("clock-stepped", began), "the sleep was told as a step")
        watched.want_health()


TESTS = [
    test_set_forward_by_hours,
    test_set_back_by_hours,
    test_set_by_less_than_a_minute,
    test_asleep_for_hours,
]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
