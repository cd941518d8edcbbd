#!/usr/bin/env python3
"""The sandbox of the unit: each of its directives refuses what it is there for, and the daemon works
whole within it. Inside a box: `service` beside this folder starts it; as TAP."""

import os
import platform
import re
import sys
import time

from rig import *

UNIT_FILE = "/usr/lib/systemd/system/snapkeepd.service"
PROBE_UNIT = "/run/systemd/system/probe.service"
OUTPUT = "/run/probe.output"
# The box's own /sys and /proc/sys are read-only; KeyringMode= says what is the default, aloud;
# SystemCallErrorNumber= is what the refusals of others look like; ExecPaths= is the exception of
# NoExecPaths=; RemoveIPC= has a test of its own.
NOT_PROBED = {"ProtectKernelTunables=", "KeyringMode=", "SystemCallErrorNumber=", "ExecPaths=",
              "RemoveIPC="}
NO_SANDBOX = {"Type=", "ExecStart=", "ExecReload=", "Restart=", "RestartSec=", "WatchdogSec=",
              "RestartPreventExitStatus=", "TimeoutStopSec=", "Group=", "StateDirectory=",
              "StateDirectoryMode=", "RuntimeDirectory=", "RuntimeDirectoryMode="}


def directives():
    """Of [Service], (name with "=", whole line)."""
    with open(UNIT_FILE, encoding="utf-8") as file:
        section = file.read().split("[Service]")[1].split("[Install]")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            yield line.split("=")[0] + "=", line


def run_probe(sandboxed):
    """{name: (verdict, what was seen)}"""
    kept = ["StateDirectory=snapkeep", "RuntimeDirectory=snapkeep"]
    if sandboxed:
        kept = [line for name, line in directives()
                if name not in ("Type=", "ExecStart=", "ExecReload=", "Restart=", "WatchdogSec=")]
        kept.append("ExecPaths=%s /usr/bin/compat-call" % os.path.realpath(sys.executable))
    if os.path.exists(OUTPUT):
        os.remove(OUTPUT)
    write(PROBE_UNIT, "\n".join(
        ["[Service]", "Type=oneshot", "StandardOutput=append:" + OUTPUT, "StandardError=journal",
         "ExecStart=%s /opt/boxed/probe.py %s" % (os.path.realpath(sys.executable),
                                                  os.readlink("/proc/self/ns/mnt")), *kept]) + "\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "reset-failed", "probe.service")
    result = run("systemctl", "start", "probe.service")
    run("journalctl", "--sync")
    want(result.returncode == 0, run("journalctl", "-u", "probe.service", "--no-pager").stdout)
    with open(OUTPUT, encoding="utf-8") as file:
        rows = [line.split(maxsplit=2) for line in file.read().splitlines()]
    return {row[0]: (row[1], row[2] if len(row) > 2 else "") for row in rows}


def test_every_directive_bites():
    for path in ("/tmp/outside", "/dev/outside", "/home/outside", "/usr/lib/modules/outside"):
        write(path, "")
    bare, boxed = run_probe(sandboxed=False), run_probe(sandboxed=True)
    if platform.machine() != "x86_64" or bare["SystemCallArchitectures="][0] == "refused":
        print("# the kernel has no calls of 32 bits: SystemCallArchitectures= has nothing to refuse")
        del bare["SystemCallArchitectures="], boxed["SystemCallArchitectures="]
    for name, (verdict, seen) in bare.items():
        want(verdict == "allowed", "without the sandbox %s is refused, too: %s" % (name, seen))
    for name, (verdict, seen) in boxed.items():
        wanted = "allowed" if name.startswith("works:") else "refused"
        print("# %s %s %s" % (name, verdict, seen))
        want(verdict == wanted, "%s is %s: %s" % (name, verdict, seen))


def test_every_directive_is_probed():
    with open("/opt/boxed/probe.py", encoding="utf-8") as file:
        probed = set(re.findall(r'^    \("(\w+=)~?"', file.read(), re.M))
    inside = {name for name, _ in directives()} - NO_SANDBOX - NOT_PROBED
    want(inside == probed, "not probed: %s; not in the unit: %s" % (inside - probed, probed - inside))


def test_shared_memory_goes_with_the_service():
    run_probe(sandboxed=True)
    uid = run("id", "-u", "snapkeep").stdout.strip()
    with open("/proc/sysvipc/shm", encoding="ascii") as file:
        left = [line for line in file.readlines()[1:] if line.split()[7] == uid]
    want(not left, "it is still there: %s" % left)


def test_exposure_at_the_floor():
    command = ("systemd-analyze", "security", "--offline=true", "--no-pager")
    result = run(*command, "--threshold=11", UNIT_FILE)
    want(result.returncode == 0, result.stdout + result.stderr)
    level = re.search(r"Overall exposure level.*: ([0-9.]+)", result.stdout)
    print("# exposure %s on systemd %d" % (level[1] if level else "?", systemd_version()))
    # What is left has a reason in DESIGN's words: it needs a network, the bus and this machine's root.
    left = {line.split()[1] for line in result.stdout.splitlines() if line.startswith("✗")}
    want(left == {"RootDirectory=/RootImage=", "RestrictAddressFamilies=~AF_UNIX",
                  "RestrictAddressFamilies=~AF_(INET|INET6)", "PrivateNetwork=", "DeviceAllow=",
                  "IPAddressDeny="}, "left are %s" % sorted(left))


def test_no_call_is_refused_in_silence():
    """A call outside the filter kills: rounds with deletions, a reload, orders, and the end."""
    with Simulation() as simulation:
        write_policy(simulation.url)
        start_to_be_stopped("SystemCallErrorNumber=kill\n")
        since = time.time() * 1e6
        wait_for("a deletion", lambda: [e for e in entries() if e.get("SNAPKEEP_OPERATION") == "prune"
                                        and int(e["__REALTIME_TIMESTAMP"]) > since], 60)
        for order in (("pause", "--prune"), ("resume",), ("status",), ("reload",)):
            result = run("snapkeepctl", *order)
            want(result.returncode in (0, 1) and "does not run" not in result.stderr,
                 "%s: %s" % (order, result))
        want(run("systemctl", "reload", UNIT).returncode == 0, status_text())
        want(prop("NRestarts") == "0", "it was killed\n" + status_text())
        stop_cleanly()


TESTS = [
    test_every_directive_bites,
    test_every_directive_is_probed,
    test_shared_memory_goes_with_the_service,
    test_exposure_at_the_floor,
    test_no_call_is_refused_in_silence,
]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
