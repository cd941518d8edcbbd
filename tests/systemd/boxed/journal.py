#!/usr/bin/env python3
"""What the daemon writes into a real journal: fields, identities, the catalogue. Inside a box:
`service` beside this folder starts it; as TAP."""

import json
import subprocess
import sys
import time

from rig import *

CATALOGUE = "/usr/lib/systemd/catalog/snapkeep.catalog"
GROUP = {"subscription": SUBSCRIPTION, "group": "rg-snapshots"}


def events():
    """{id: (name, fields)}, as the table in the code has them."""
    out = run("catalogue", "--list").stdout
    rows = [line.split("\t") for line in out.splitlines()]
    return {row[0]: (row[1], [field for field in row[2].split(",") if field]) for row in rows}


def named(name, since=0.0):
    by_name = {value[0]: key for key, value in events().items()}
    return [e for e in entries("MESSAGE_ID=" + by_name[name])
            if int(e["__REALTIME_TIMESTAMP"]) >= since * 1e6]


def test_a_life_in_the_journal():
    """Start, snapshots, deletions, a fault and its end, orders, reloads right and wrong, the end."""
    with Simulation() as simulation:
        write_policy(simulation.url)
        start()
        wait_for("a deletion", lambda: named("snapshot-deleted"), 60)

        began = time.time()
        simulation.post("/sim/world/delete-group", GROUP)
        wait_for("the failure", lambda: named("snapshot-failed", began), 60)
        time.sleep(12)  # two more slots
        failures = named("snapshot-failed", began)
        want(len({e["SNAPKEEP_GENERATION"] for e in failures}) == 3, "not every disk was told of")
        times = [(e["SNAPKEEP_GENERATION"], e["SNAPKEEP_SLOT"]) for e in failures]
        want(len(set(times)) == len(times), "a failure was told twice: %s" % sorted(times))
        simulation.post("/sim/world/add", {"groups": [
            {"subscription": SUBSCRIPTION, "name": GROUP["group"], "location": "westeurope"}]})
        taken = time.time()
        wait_for("a snapshot again", lambda: named("snapshot-taken", taken), 120)

        for order in (("pause", "--prune"), ("resume",), ("reload",)):
            want(run("snapkeepctl", *order).returncode == 0, "snapkeepctl " + order[0])
        with open(POLICY, "a", encoding="utf-8") as file:
            file.write("surprise: true\n")
        run("systemctl", "reload", UNIT)
        run("systemctl", "stop", UNIT)
        for name in ("started", "stopping", "snapshot-taken", "deletion-begins", "order", "paused",
                     "policy-reloaded", "reload-failed", "policy-fault", "bus-named"):
            want(named(name), "no entry of " + name)
        states = [e["SNAPKEEP_STATE"] for e in named("paused")]
        want(states == ["begun", "over"], "of the pause: %s" % states)


def test_every_entry_has_its_fields():
    known, seen = events(), set()
    for entry in entries("SYSLOG_IDENTIFIER=snapkeepd"):
        if "MESSAGE_ID" not in entry:
            want(int(entry["PRIORITY"]) > 4, "a warning without MESSAGE_ID: " + entry["MESSAGE"])
            continue
        name, fields = known.get(entry["MESSAGE_ID"], (None, []))
        want(name, "an id that is not in the table: %s" % entry)
        lacking = [field for field in fields if field not in entry]
        want(not lacking, "%s lacks %s: %s" % (name, lacking, entry["MESSAGE"]))
        seen.add(name)
    want(len(seen) > 10, "only %s was seen" % sorted(seen))


def test_nothing_is_said_again_and_again():
    """But work done: a warning or error of the same words at most twice."""
    counts = {}
    for entry in entries("SYSLOG_IDENTIFIER=snapkeepd"):
        if int(entry["PRIORITY"]) <= 4:
            counts[entry["MESSAGE"]] = counts.get(entry["MESSAGE"], 0) + 1
    again = {message: n for message, n in counts.items() if n > 2}
    want(counts and not again, "said again: %s" % again)


def history(*arguments, user=None):
    command = ["snapkeepctl", "history", *arguments]
    if user:
        command = ["setpriv", "--reuid", user, "--regid", "nogroup", "--clear-groups", *command]
    return run(*command)


def test_history_reads_it():
    run("journalctl", "--sync")
    found = json.loads(history("--json", "--count", "100000").stdout)["events"]
    whole = [e for e in entries() if "MESSAGE_ID" in e and e["MESSAGE_ID"] in events()]
    want(len(found) == len(whole), "%d of %d entries" % (len(found), len(whole)))
    want([e["message"] for e in found] == [e["MESSAGE"] for e in reversed(whole)], "another order")
    taken = [e for e in found if e["event"] == "snapshot-taken"]
    name = taken[0]["fields"]["SNAPKEEP_DISK"].rsplit("/", 1)[1]
    of_disk = json.loads(history(name, "--json").stdout)["events"]
    want(0 < len(of_disk) < len(found), "of one disk: %d" % len(of_disk))
    want({"snapshot-taken", "snapshot-deleted"} <= {e["event"] for e in of_disk}, "events of a disk")
    want(all(name in str(e["fields"]) for e in of_disk), "of another disk")

    text = history("--count", "3").stdout.splitlines()
    want(len(text) == 4 and text[0].split() == ["TIME", "EVENT", "POLICY", "WHAT"], str(text))
    want(history("--since", "2099-01-01T00:00:00Z").stdout == "", "of the future")
    # Nobody else can tell lies about backups, and nobody else is told.
    forged = "MESSAGE=snapshot x is taken\nMESSAGE_ID=%s\n" % whole[0]["MESSAGE_ID"]
    subprocess.run(["logger", "--journald"], input=forged, text=True, check=True)
    run("journalctl", "--sync")
    again = json.loads(history("--json", "--count", "100000").stdout)["events"]
    want(len(again) == len(found), "an entry of another program was taken for the daemon's")
    result = history(user="nobody")
    want(result.stdout == "" and "may not read it" in result.stderr, str(result))


def test_every_identity_is_in_the_catalogue():
    want(run("journalctl", "--update-catalog").returncode == 0, "update-catalog")
    text = run("journalctl", "--dump-catalog", "--no-pager").stdout
    ours = {block.splitlines()[0].split()[0] for block in text.split("-- ")[1:]
            if "Defined-By: Snapkeep" in block}
    want(ours == set(events()), "they differ: %s" % (ours ^ set(events())))
    shown = run("journalctl", "-x", "--no-pager", "-u", UNIT).stdout
    for word in ("Cause:", "Effect:", "Remedy:", "Subject: Snapshot taken"):
        want(word in shown, "journalctl -x has no " + word)
    want("@SNAPKEEP_" not in shown, "a field was not filled in")


def test_journald_is_restarted():
    with Simulation() as simulation:
        write_policy(simulation.url)
        start()
        wait_for("a snapshot", lambda: named("snapshot-taken"))
        run("systemctl", "restart", "systemd-journald")
        began = time.time()
        wait_for("a snapshot after the restart", lambda: named("snapshot-taken", began))
        want(prop("NRestarts") == "0", status_text())


TESTS = [
    test_a_life_in_the_journal,
    test_every_entry_has_its_fields,
    test_nothing_is_said_again_and_again,
    test_history_reads_it,
    test_every_identity_is_in_the_catalogue,
    test_journald_is_restarted,
]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
