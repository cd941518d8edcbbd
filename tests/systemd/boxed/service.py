#!/usr/bin/env python3
"""What the unit promises, tried inside a box: `service` beside this folder starts it; as TAP.

With --bench: the time from exec to READY, as figures.
"""

import json
import os
import re
import sys
import time

from held import Held
from rig import *

TENANT = "22222222-2222-4222-8222-222222222222"
CLIENT = "33333333-3333-4333-8333-333333333333"
SECRET = "sim-secret"


def test_unit_verifies():
    out = run("systemd-analyze", "verify", UNIT)
    # The manual is not installed in the box.
    faults = [line for line in out.stderr.splitlines() if "snapkeepd" in line and "man " not in line]
    want(not faults, "\n".join(faults))


def test_ready_without_azure():
    write_policy("http://127.0.0.1:9")
    start()
    want(prop("Type") in ("notify", "notify-reload"), "Type is " + prop("Type"))
    want(prop("ActiveState") == "active", status_text())
    want(prop("StatusText"), "no STATUS= was sent")
    time.sleep(1)
    want(prop("ActiveState") == "active", "it gave up because Azure does not answer")
    want(prop("NRestarts") == "0", "it was restarted")


def test_stop_is_clean():
    write_policy("http://127.0.0.1:9")
    start_to_be_stopped()
    stop_cleanly()


def test_journal_has_fields():
    with Simulation() as simulation:
        write_policy(simulation.url)
        start()
        wanted = ["SNAPKEEP_POLICY", "SNAPKEEP_DISK", "SNAPKEEP_SNAPSHOT", "SNAPKEEP_OPERATION",
                  "SNAPKEEP_SLOT"]
        entry = wait_for(
            "an entry with " + " ".join(wanted),
            lambda: next((e for e in entries() if all(name in e for name in wanted)), None),
        )
        want(entry["SNAPKEEP_POLICY"] == "gold", "policy is %s" % entry["SNAPKEEP_POLICY"])
        want("disk-000" in entry["SNAPKEEP_DISK"], "disk is %s" % entry["SNAPKEEP_DISK"])
        want(entry["_TRANSPORT"] == "journal", "it came by %s" % entry["_TRANSPORT"])
        want(entry["SYSLOG_IDENTIFIER"] == "snapkeepd", entry["SYSLOG_IDENTIFIER"])
        want(entry["PRIORITY"] in "34567" and entry["MESSAGE"], "no priority or no sentence")


def test_journal_keeps_secrets():
    """After the rounds of the test before."""
    with Simulation() as simulation:
        write_policy(simulation.url)
        start()
        wait_for("a snapshot", lambda: [e for e in entries() if "SNAPKEEP_SNAPSHOT" in e])
        text = json.dumps(entries())
        want(len(text) > 100, "the journal is empty")
        for word in ("Bearer", "access_token", "Authorization"):
            want(word not in text, "%s stands in the journal" % word)


def test_stop_within_a_put():
    with Simulation() as simulation:
        held = Held(simulation.port, "PUT")
        try:
            write_policy(held.url)
            start_to_be_stopped()
            want(held.seen.wait(30), "no PUT came\n" + status_text())
            stop_cleanly()
        finally:
            held.end()


def test_wrong_policy_is_located():
    write_policy("http://127.0.0.1:9")
    with open(POLICY, encoding="utf-8") as file:
        lines = file.read().splitlines()
    row = next(n for n, line in enumerate(lines, 1) if line.startswith("    keep:"))
    lines[row - 1] = "    kepp: {last: 3}"
    write(POLICY, "\n".join(lines) + "\n")
    result = run("systemctl", "start", UNIT)
    want(result.returncode != 0, "it started with a wrong policy")
    run("journalctl", "--sync")
    text = status_text()
    want("%s:%d:5" % (POLICY, row) in text, "no %s:%d:5 in\n%s" % (POLICY, row, text))
    want("kepp" in text and "keep" in text, "neither the key nor its near miss in\n" + text)
    want(prop("ExecMainStatus") == "78", "status %s" % prop("ExecMainStatus"))
    time.sleep(0.5)
    want(prop("ActiveState") == "failed", "it is %s: restarted?" % prop("ActiveState"))
    want(prop("NRestarts") == "0", "it was restarted with a wrong policy")


def test_reload_keeps_the_old_policy():
    write_policy("http://127.0.0.1:9")
    start()
    before = prop("MainPID")
    with open(POLICY, "a", encoding="utf-8") as file:
        file.write("surprise: true\n")
    result = run("systemctl", "reload", UNIT)
    want(result.returncode != 0, "the reload did not fail")
    wait_for("the complaint", lambda: "surprise" in status_text(), 5)
    want("RELOAD FAILED" in prop("StatusText"), prop("StatusText"))
    want(prop("ActiveState") == "active", status_text())
    want(prop("MainPID") == before, "it is another process")


def test_reload_waits_for_the_new_policy():
    write_policy("http://127.0.0.1:9")
    start()
    before = prop("MainPID")
    write_policy("http://127.0.0.1:10")
    result = run("systemctl", "reload", UNIT)
    want(result.returncode == 0, "reload: " + result.stderr)
    want([e for e in entries("_PID=" + before) if e["MESSAGE"] == "the policy was reloaded"],
         "reload came back before the policy was in force")
    want(prop("MainPID") == before, "it is another process")


def test_missing_policy_is_named():
    if os.path.exists(POLICY):
        os.remove(POLICY)
    result = run("systemctl", "start", UNIT)
    want(result.returncode != 0, "it started without a policy")
    run("journalctl", "--sync")
    want(re.search(re.escape(POLICY) + r": error: .*not exist", status_text()), status_text())
    want(prop("ExecMainStatus") == "78", "status %s" % prop("ExecMainStatus"))


PRINCIPAL = "{service_principal: {tenant: %s, client: %s, secret: azure-secret}}" % (TENANT, CLIENT)


def test_missing_credential_is_named():
    write_policy("http://127.0.0.1:9", PRINCIPAL)
    run("systemctl", "start", UNIT)
    try:
        wait_for("the name in the status", lambda: "azure-secret" in status_text(), 10)
    except Failure as failure:
        raise Failure("%s\n%s" % (failure, status_text())) from failure
    want("LoadCredential" in status_text(), "no word of how to give it in\n" + status_text())


def test_credential_works():
    write("/etc/snapkeep/azure-secret", SECRET + "\n", 0o600)
    with Simulation() as simulation:
        write_policy(simulation.url, PRINCIPAL)
        drop_in("LoadCredential=azure-secret:/etc/snapkeep/azure-secret\n")
        start()
        since = time.time() * 1e6
        wait_for(
            "a snapshot by the service principal",
            lambda: [e for e in entries() if "SNAPKEEP_SNAPSHOT" in e
                     and int(e["__REALTIME_TIMESTAMP"]) > since],
        )
        want(SECRET not in json.dumps(entries()), "the secret stands in the journal")
        with open("/proc/%s/environ" % prop("MainPID"), "rb") as file:
            want(SECRET.encode() not in file.read(), "the secret stands in the environment")


def test_restart_after_a_crash():
    write_policy("http://127.0.0.1:9")
    drop_in("RestartSec=100ms\n")
    start()
    before = prop("MainPID")
    run("systemctl", "kill", "--kill-who=main", "--signal=SIGKILL", UNIT)
    wait_for(
        "the restart",
        lambda: prop("ActiveState") == "active" and prop("MainPID") not in ("0", before),
    )
    want(prop("NRestarts") == "1", "restarts: " + prop("NRestarts"))


BUS = ("org.snapkeep1", "/org/snapkeep1", "org.snapkeep1.Manager")


def call(member, *arguments, user=None):
    """busctl as that user, or as root."""
    command = ["busctl", "--system", "call", *BUS, member, *arguments]
    if user:
        command = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", *command]
    return run(*command)


def test_orders_on_the_bus():
    want(run("getent", "group", "snapkeep").returncode == 0, "there is no group snapkeep")
    for user, groups in (("keeper", ["-G", "snapkeep"]), ("visitor", [])):
        result = run("useradd", "-M", "-U", *groups, user)
        want(result.returncode == 0, "useradd: " + result.stderr)
    with Simulation() as simulation:
        write_policy(simulation.url)
        start()
        wait_for("the name", lambda: call("Status").returncode == 0)

        members = run("busctl", "--system", "introspect", *BUS).stdout
        for word in (".Status", ".Apply", ".Retire", ".Pause", ".Reload", ".Health", ".NDoubts"):
            want(word in members, "no %s in\n%s" % (word, members))
        for user in (None, "keeper", "visitor"):
            for member in ("ListSeries", "ListDoubts", "Plan"):
                result = call(member, "uu", "0", "0", user=user)
                want('\\"version\\":1' in result.stdout, "%s of %s: %s" % (member, user, result))

        for order in (("Pause", "bt", "false", "0"), ("Resume",), ("Reload",), ("Ack", "s", "x"),
                      ("Hold", "ss", "x", "y"), ("Release", "s", "x"), ("Adopt", "ss", "x", ""),
                      ("Backup", "stss", "x", "86400", "y", "")):
            result = call(*order, user="visitor")
            want("Access denied" in result.stderr, "%s of a visitor: %s" % (order, result))
        for user in ("keeper", None):
            result = call("Pause", "bt", "false", "0", user=user)
            want(result.returncode == 0, "Pause of %s: %s" % (user, result))
            result = call("Hold", "ss", "none", "audit", user=user)
            want("no such snapshot" in result.stderr or "not every subscription" in result.stderr,
                 "Hold of %s: %s" % (user, result))
            who = user or "root"
            wait_for("the entry of " + who,
                     lambda: [e for e in entries() if "says " + who in e["MESSAGE"]])
        want(os.listdir("/var/lib/snapkeep"), "the state directory is empty")

        # What status says of a pause, as monitoring hears it, after a restart that kept it.
        run("systemctl", "restart", UNIT)
        wait_for("a plan", lambda: run("snapkeepctl", "status").returncode == 1)
        want("paused" in run("snapkeepctl", "status").stdout, run("snapkeepctl", "status").stdout)
        want(run("snapkeepctl", "resume").returncode == 0, "resume")

        # The bus is restarted beneath it.
        run("systemctl", "restart", "dbus")
        wait_for("the name after a restart of the bus", lambda: call("Status").returncode == 0)
        want(prop("ActiveState") == "active", status_text())
    run("systemctl", "stop", UNIT)
    want(run("snapkeepctl", "status").returncode == 3, "status of a stopped daemon")
    want(run("snapkeepctl", "plan").returncode == 4, "plan of a stopped daemon")


def test_ten_thousand_disks_come_in_pages():
    """To somebody without rights, within what the bus carries in a message."""
    run("useradd", "-M", "-U", "onlooker")
    with Simulation("--disks", "10000") as simulation:
        write_policy(simulation.url)
        with open(POLICY, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("every: 5s", "every: 1d").replace("jitter: 0s", "catch_up: none")
        write(POLICY, text.replace(", tags: {backup: gold}", ""))
        start()
        status = wait_for("the world", lambda: next(
            (s for s in [call("Status", user="onlooker").stdout]
             if '\\"total\\":10000' in s), None), 60)
        want('\\"health\\"' in status, status[:300])
        seen = set()
        for offset in range(0, 10000, 1000):
            page = call("ListSeries", "uu", str(offset), "0", user="onlooker").stdout
            seen |= set(re.findall(r"/disks/(disk-\d+)", page))
        want(len(seen) == 10000, "%d of 10000 disks" % len(seen))
        began = time.monotonic()
        want(call("Plan", "uu", "0", "0", user="onlooker").returncode == 0, "Plan")
        want(time.monotonic() - began < 5, "Plan took %.1f s" % (time.monotonic() - began))
        want(prop("NRestarts") == "0", status_text())


TESTS = [
    test_unit_verifies,
    test_ready_without_azure,
    test_stop_is_clean,
    test_journal_has_fields,
    test_journal_keeps_secrets,
    test_stop_within_a_put,
    test_wrong_policy_is_located,
    test_reload_keeps_the_old_policy,
    test_reload_waits_for_the_new_policy,
    test_missing_policy_is_named,
    test_missing_credential_is_named,
    test_credential_works,
    test_restart_after_a_crash,
    test_orders_on_the_bus,
    test_ten_thousand_disks_come_in_pages,
]


def bench():
    prepare()
    write_policy("http://127.0.0.1:9")
    times = []
    for _ in range(20):
        reset()
        start()
        began = int(prop("ExecMainStartTimestampMonotonic"))
        times.append((int(prop("ActiveEnterTimestampMonotonic")) - began) / 1000)
    times.sort()
    print("exec to READY, %d starts: least %.1f ms, median %.1f ms, most %.1f ms"
          % (len(times), times[0], times[len(times) // 2], times[-1]))
    return 0


if __name__ == "__main__":
    sys.exit(bench() if sys.argv[1:] == ["--bench"] else run_tests(TESTS))
