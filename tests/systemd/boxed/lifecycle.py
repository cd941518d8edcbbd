#!/usr/bin/env python3
"""The daemon under the service manager when things go wrong: hangs, kills, a reload in the middle, no
descriptors, no room. Inside a box: `service` beside this folder starts it; as TAP."""

import os
import signal
import sys
import time

from held import Held
from rig import *

STATE = "/var/lib/snapkeep"


def main_pid():
    return int(prop("MainPID"))


def want_no_slot_twice(simulation):
    """One slot of a disk has at most one snapshot, whatever happened."""
    slots = [(s["tags"]["snapkeep-generation"], s["tags"]["snapkeep-policy"],
              s["tags"]["snapkeep-slot"]) for s in simulation.snapshots() if s.get("tags")]
    want(slots, "there are no snapshots")
    want(len(set(slots)) == len(slots), "a slot has two: %s" % sorted(slots))


def wait_for_restart(before):
    wait_for("the restart", lambda: prop("ActiveState") == "active"
             and prop("MainPID") not in ("0", str(before)))


def wait_for_more(simulation, text):
    """Slots that nobody has a snapshot of yet are taken."""
    newest = max(s["tags"]["snapkeep-slot"] for s in simulation.snapshots())
    wait_for(text, lambda: [s for s in simulation.snapshots()
                            if s["tags"]["snapkeep-slot"] > newest
                            and s.get("provisioningState") == "Succeeded"], 60)


def test_a_hang_is_ended_by_the_watchdog():
    with Simulation() as simulation:
        held = Held(simulation.port, "PUT", effect=True)
        write_policy(held.url)
        drop_in("WatchdogSec=1s\nRestartSec=100ms\n")
        start()
        want(held.seen.wait(30), "no PUT came\n" + status_text())
        before = main_pid()
        os.kill(before, signal.SIGSTOP)
        held.let_go()
        wait_for_restart(before)
        want(prop("NRestarts") == "1", "restarts: " + prop("NRestarts"))
        text = run("journalctl", "--no-pager", "-u", UNIT).stdout
        want("Watchdog timeout" in text, "nothing of the watchdog in\n" + text[-2000:])
        wait_for_more(simulation, "a snapshot after the hang")
        want_no_slot_twice(simulation)
        held.end()


def test_a_watched_daemon_is_left_alone():
    with Simulation() as simulation:
        write_policy(simulation.url)
        drop_in("WatchdogSec=1s\n")
        start()
        time.sleep(4)
        want(prop("NRestarts") == "0" and prop("ActiveState") == "active", status_text())


def test_killed_within_a_put():
    with Simulation() as simulation:
        held = Held(simulation.port, "PUT", effect=True)
        write_policy(held.url)
        drop_in("RestartSec=100ms\n")
        start()
        want(held.seen.wait(30), "no PUT came\n" + status_text())
        before = main_pid()
        os.kill(before, signal.SIGKILL)
        held.let_go()
        wait_for_restart(before)
        wait_for_more(simulation, "a snapshot after the kill")
        want_no_slot_twice(simulation)
        held.end()


def test_reload_within_a_delete():
    with Simulation() as simulation:
        held = Held(simulation.port, "DELETE", effect=True)
        write_policy(held.url)
        start()
        want(held.seen.wait(60), "no DELETE came\n" + status_text())
        want(run("systemctl", "reload", UNIT).returncode == 0, "reload\n" + status_text())
        held.let_go()
        wait_for_more(simulation, "a snapshot after the reload")
        want_no_slot_twice(simulation)
        per_disk = {}
        for snapshot in simulation.snapshots():
            name = snapshot["tags"]["snapkeep-disk"]
            per_disk[name] = per_disk.get(name, 0) + 1
        want(min(per_disk.values()) >= 3, "more was deleted than the rule lets go: %s" % per_disk)
        held.end()


def test_crashes_in_a_row_are_not_given_up():
    write_policy("http://127.0.0.1:9")
    # The back-off of newer ones is seen in the drop-in; here it would take minutes.
    drop_in("RestartSec=50ms\n" + ("RestartSteps=0\n" if systemd_version() >= 254 else ""))
    start()
    for _ in range(8):
        before = main_pid()
        os.kill(before, signal.SIGKILL)
        wait_for_restart(before)
    want(prop("Result") == "success", "it is " + prop("Result"))


def test_a_wrong_policy_is_in_the_status():
    write_policy("http://127.0.0.1:9")
    with open(POLICY, "a", encoding="utf-8") as file:
        file.write("surprise: true\n")
    run("systemctl", "start", UNIT)
    want("surprise" in prop("StatusText"), "the status is: " + prop("StatusText"))
    want(prop("ActiveState") == "failed" and prop("ExecMainStatus") == "78", status_text())


def test_without_descriptors():
    write_policy("http://127.0.0.1:9")
    drop_in("LimitNOFILE=8\nRestart=no\n")
    result = run("systemctl", "start", UNIT)
    want(result.returncode != 0, "it started with 8 descriptors")
    want(prop("ExecMainStatus") == "71", "status " + prop("ExecMainStatus"))
    run("journalctl", "--sync")
    want("Too many open files" in status_text(), status_text())


def test_no_room_for_the_state():
    run("mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", STATE)
    try:
        with Simulation() as simulation:
            write_policy(simulation.url)
            start()
            wait_for("a snapshot", simulation.snapshots)
            with open(STATE + "/filler", "wb") as file:
                try:
                    file.write(b"x" * 65536)
                except OSError:
                    pass
            run("snapkeepctl", "pause", "--prune")
            wait_for("the complaint", lambda: [e for e in entries()
                                               if "state cannot be written" in e["MESSAGE"]])
            wait_for_more(simulation, "a snapshot without room")
            want(prop("NRestarts") == "0", status_text())
            run("systemctl", "stop", UNIT)
    finally:
        run("umount", STATE)


TESTS = [
    test_a_hang_is_ended_by_the_watchdog,
    test_a_watched_daemon_is_left_alone,
    test_killed_within_a_put,
    test_reload_within_a_delete,
    test_crashes_in_a_row_are_not_given_up,
    test_a_wrong_policy_is_in_the_status,
    test_without_descriptors,
    test_no_room_for_the_state,
]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
