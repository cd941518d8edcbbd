#!/usr/bin/env python3
"""A day of hourly snapshots in three minutes, with faults, and then what the journal has of it. Inside a
box: `service` beside this folder starts it; as TAP. Without --long: the first six hours of it.

The daemon and azure-sim share one clock, which shifted-clock.c hastens; the journal's is the machine's.
"""

import collections
import json
import math
import re
import subprocess
import sys
import time

from journal import events, test_every_entry_has_its_fields
from rig import *
from shifted import Clock

HOURS = 24 if "--long" in sys.argv else 6
# So many seconds of theirs are one of the machine's. The least time-out of a request, 10 s, is then 20 ms.
RATE = 480
HOUR = 3600
DISKS = 12
TENANT = "22222222-2222-4222-8222-222222222222"
CLIENT = "33333333-3333-4333-8333-333333333333"
SECRET = "sim-secret"
GROUP = {"subscription": SUBSCRIPTION, "group": "rg-snapshots"}
DISK_ID = "/subscriptions/%s/resourceGroups/rg-app/providers/Microsoft.Compute/disks/disk-%04d"

DAY_POLICY = """\
version: 1
owner: box
azure:
  cloud: {{arm: "{url}", login: "{url}", imds: "{url}"}}
  identity: {{service_principal: {{tenant: {tenant}, client: {client}, secret: azure-secret}}}}
defaults: {{snapshot_group: rg-snapshots}}
safety: {{prune: auto, min_keep: 1, min_age: 0s}}
policies:
  gold:
    schedule: {{every: 1h}}
    rpo: 3h
    keep: {{last: 2}}
targets:
  - policy: gold
    match: {{subscription: {subscription}}}
    expect: ">=10"
metrics: {{textfile: /run/snapkeep/metrics.prom}}
"""

# All day, of each kind of request some.
FAULTS = [
    {"fault": "throttled", "request": "list_snapshots", "every": 9},
    {"fault": "odd-html", "request": "list_snapshots", "every": 13},
    {"fault": "internal-after", "request": "put_snapshot", "every": 17},
    {"fault": "lost-after", "request": "put_snapshot", "every": 19},
    {"fault": "failed-operation", "request": "put_snapshot", "every": 23},
    {"fault": "busy", "request": "delete_snapshot", "every": 11},
    {"fault": "lost-before", "request": "delete_snapshot", "every": 13},
    {"fault": "unavailable", "request": "get_snapshot", "every": 7},
    {"fault": "bare-429", "request": "list_disks", "every": 5},
]


class Day:
    def __init__(self):
        epoch = int(time.time())
        self.clock = Clock("day", RATE, epoch)
        self.began = time.time()
        self.orders = []

    def hour_of(self, entry):
        return (self.virtual(entry) - self.start) / HOUR

    def virtual(self, entry):
        at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        return self.clock.epoch + (at - self.clock.epoch) * RATE

    def slot_after(self, hour):
        """The next full hour of the clock, in hours since the start."""
        begin = self.start / HOUR
        return math.ceil(begin + hour) - begin

    def ours(self, disk):
        """Snapshots of that disk, the newest first."""
        mine = [s for s in self.azure.snapshots() if s["sourceResourceId"].endswith("disk-%04d" % disk)]
        return sorted(mine, key=lambda s: s["timeCreated"], reverse=True)

    def post(self, verb, **body):
        want(self.azure.post("/sim/world/" + verb, body) == 200, verb)

    def order(self, *words):
        self.orders.append((words, subprocess.Popen(("snapkeepctl",) + words, text=True,
                                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)))

    def disturb(self, turn):
        """[(hour, what happens)] of the turn-th six hours: each befalls another disk."""
        held = {}

        def disk(n):
            return (n + 3 * turn) % DISKS + 1

        def hold():
            held["name"] = self.ours(disk(3))[0]["id"].rsplit("/", 1)[1]
            self.order("hold", held["name"], "--reason", "audit")

        def lock():
            held["locked"] = self.ours(disk(4))[0]["id"]
            self.post("lock", id=held["locked"])

        def unlock():
            self.post("unlock", id=held["locked"])

        told = [
            (1.5, lambda: self.post("recreate-disk", id=DISK_ID % (SUBSCRIPTION, disk(1)))),
            (1.7, lambda: self.post("delete", id=self.ours(disk(2))[0]["id"])),
            (1.9, hold),
            (2.1, lock),
            (2.3, lambda: self.post("expire-tokens")),
            (2.8, lambda: self.post("away", away="503", seconds=3000)),
            (4.2, unlock),
            # At a slot, so that the create which is planned meets the new disk.
            (self.slot_after(6 * turn + 4.3) - 6 * turn - 90 / HOUR,
             lambda: self.post("recreate-disk", id=DISK_ID % (SUBSCRIPTION, disk(6)))),
            (4.5, lambda: self.order("pause", "--prune")),
            (4.7, lambda: self.order("resume")),
        ]
        if turn == 1:  # with all that is in it, what is held too
            return told + [
                (4.8, lambda: self.post("delete-group", **GROUP)),
                (5.3, lambda: self.post("add", groups=[{
                    "subscription": SUBSCRIPTION, "name": GROUP["group"],
                    "location": "westeurope"}])),
            ]
        return told + [(4.9, lambda: self.order("release", held["name"]))]

    def live(self):
        environment = self.clock.environment()
        with Simulation("--disks", str(DISKS), "--operation-ms", "20000", "--rates", "real",
                        environment=environment) as self.azure:
            self.azure.post("/sim/faults", {"faults": FAULTS})
            write("/etc/snapkeep/azure-secret", SECRET + "\n", 0o600)
            write(POLICY, DAY_POLICY.format(url=self.azure.url, tenant=TENANT, client=CLIENT,
                                            subscription=SUBSCRIPTION))
            drop_in("LoadCredential=azure-secret:/etc/snapkeep/azure-secret\n" + self.clock.drop_in())
            start()
            self.start = self.clock.now()
            plan = sorted(((6 * turn + hour, act) for turn in range(HOURS // 6)
                           for hour, act in self.disturb(turn)), key=lambda step: step[0])
            for hour, act in plan:
                self.sleep_until(hour)
                act()
            # The rest without faults, so that all of it comes to its end.
            self.sleep_until(HOURS - 0.9)
            self.azure.post("/sim/faults", {"faults": []})
            self.sleep_until(HOURS)
            self.stats = self.azure.get("/sim/stats")
            self.left = self.azure.snapshots()
            self.restarts = prop("NRestarts")
            run("systemctl", "stop", UNIT)
            for words, process in self.orders:
                text = process.communicate(timeout=30)[0]
                want(process.returncode == 0, "%s: %s" % (words, text))
        self.entries = [e for e in entries() if e.get("SYSLOG_IDENTIFIER") == "snapkeepd"]
        self.names = {key: value[0] for key, value in events().items()}

    def sleep_until(self, hour):
        time.sleep(max(0, (self.start + hour * HOUR - self.clock.now()) / RATE))

    def of(self, name):
        """The entries of that event."""
        return [e for e in self.entries if self.names.get(e.get("MESSAGE_ID")) == name]


day = Day()


def name_of(path):
    return path.rsplit("/", 1)[1].lower()


def test_the_day_passes():
    day.live()
    counts = collections.Counter(day.names.get(e.get("MESSAGE_ID"), "-") for e in day.entries)
    print("# %d hours, %d requests, %d entries: %s" % (
        HOURS, day.stats["requests"], len(day.entries), dict(counts.most_common())))
    want(day.restarts == "0", "it was restarted")
    # Whether a listing fails as often as it is tried is up to the machine's pace.
    struck = [name for name in ("snapshot-failed", "deletion-failed", "snapshot-held", "vanished", "paused")
              if not day.of(name)]
    want(not struck, "what was to happen did not: %s" % struck)


def test_every_slot_is_in_the_journal():
    """Once, though requests were lost before and after their effect."""
    # What others deleted is taken again while its slot is the newest; while its group is not there, nobody
    # can say what became of it.
    vanished = {e["SNAPKEEP_SNAPSHOT"] for e in day.of("vanished") + day.of("unlisted")}
    taken = collections.Counter((e["SNAPKEEP_GENERATION"], e["SNAPKEEP_SLOT"])
                                for e in day.of("snapshot-taken")
                                if e["SNAPKEEP_SNAPSHOT"] not in vanished)
    again = [key for key, n in taken.items() if n > 1]
    want(not again, "told twice: %s" % again)
    hours = collections.defaultdict(set)
    for generation, slot in taken:
        hours[generation].add(slot)
    full = [g for g, slots in hours.items() if len(slots) >= HOURS - 1]
    print("# %d generations, %d with every hour" % (len(hours), len(full)))
    want(len(hours) >= DISKS, "of %d generations" % len(hours))
    told = {name_of(e["SNAPKEEP_SNAPSHOT"]) for e in day.of("snapshot-taken")}
    # What came out of a disk made again since is told as a failure, by its name.
    failed = {name_of(e["SNAPKEEP_SNAPSHOT"]): e["SNAPKEEP_GENERATION"]
              for e in day.of("snapshot-failed")}
    left = [s for s in day.left if s["provisioningState"] == "Succeeded"]
    others = [s["id"] for s in left
              if failed.get(name_of(s["id"]), s["sourceUniqueId"]) != s["sourceUniqueId"]]
    print("# %d of another disk than was asked for" % len(others))
    silent = [s["id"] for s in left if name_of(s["id"]) not in told and s["id"] not in others]
    want(not silent, "taken in silence: %s" % silent)


def test_every_deletion_was_announced():
    begun = {e["SNAPKEEP_SNAPSHOT"] for e in day.of("deletion-begins") if e["SNAPKEEP_RULE"]}
    ended = {e["SNAPKEEP_SNAPSHOT"] for e in day.of("snapshot-deleted")}
    want(len(ended) > DISKS and ended <= begun, "without a word: %s" % sorted(ended - begun))


def test_every_identity_has_its_text():
    want(run("journalctl", "--update-catalog").returncode == 0, "update-catalog")
    ids = {e["MESSAGE_ID"] for e in day.entries if "MESSAGE_ID" in e}
    want(len(ids) > 12, "only %d events" % len(ids))
    for one in ids:
        text = run("journalctl", "--dump-catalog", one).stdout
        for word in ("Subject: ", "Defined-By: Snapkeep", "Cause:", "Effect:", "Remedy:"):
            want(word in text, "%s of %s lacks %s" % (one, day.names.get(one), word))
    shown = run("journalctl", "-x", "--no-pager", "-u", UNIT).stdout
    want(shown.count("Defined-By: Snapkeep") >= len(ids) and "@SNAPKEEP_" not in shown,
         "a field was not filled in")


def test_nothing_repeats():
    """Of one subject and in the same words, numbers aside: what is tried again and again is announced by
    each try, but not each minute."""
    said = collections.Counter()
    for entry in day.entries:
        subject = tuple(entry.get("SNAPKEEP_" + name, "") for name in
                        ("GENERATION", "SNAPSHOT", "SLOT", "STATE"))
        words = re.sub(r"\d+", "#", entry["MESSAGE"])
        said[int(day.hour_of(entry)), subject, words] += 1
    (hour, _, words), most = said.most_common(1)[0]
    print("# most in an hour: %d, in hour %d: %s" % (most, hour, words))
    want(most <= 6, "%d times in hour %d: %s" % (most, hour, words))
    # A snapshot taken, a deletion announced and a deletion done an hour and disk are work; what else
    # is said is less than that.
    work = sum(len(day.of(name)) for name in ("snapshot-taken", "deletion-begins", "snapshot-deleted"))
    want(len(day.entries) < 2 * work, "%d entries for %d of work" % (len(day.entries), work))


def test_no_secret_in_it():
    text = json.dumps(entries()) + run("journalctl", "--no-pager", "-o", "json", "--all").stdout
    want(len(text) > 10000, "the journal is empty")
    for word in (SECRET, "Bearer", "access_token", "client_secret", "Authorization:", "eyJ", "&sig=",
                 "?sv="):
        want(word not in text, "%s stands in the journal" % word)


TESTS = [
    test_the_day_passes,
    test_every_entry_has_its_fields,
    test_every_slot_is_in_the_journal,
    test_every_deletion_was_announced,
    test_every_identity_has_its_text,
    test_nothing_repeats,
    test_no_secret_in_it,
]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
