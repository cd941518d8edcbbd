#!/usr/bin/env python3
"""Our retention with `pick: last` against `restic forget --dry-run --json`.

One restic repository holds one pool of tiny snapshots; a chain is the subset that carries its tag,
so that a chain costs one `forget` and no snapshots of its own. Every verdict is compared, and for
each snapshot that is kept the rules that keep it.

Where the two differ by design, and how such cases are kept out:

- repeated-hour: restic's hour has no offset, so that both passes of the hour that autumn repeats are
  one bucket; ours are two (DESIGN section 4). No instant lies in a repeated hour.
- within-days: restic subtracts calendar days, which are 23 or 25 hours long at a clock change; ours
  are 24 hours. `within` is given in hours.
- calendar-of-the-snapshot: restic buckets by the offset that was in force where and when the snapshot
  was made, and has no zone of its own. Each chain lies in one zone, and its snapshots are made there.
- future: restic leaves snapshots of the future out of `within` alone; ours count for nothing at all.
  All instants lie in the past of the day this was written.
- equal-instants: restic leaves open which of two snapshots of one instant is the newer. No two are.

    retention.py RETAIN-DRIVER [--all] [--seed S]
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import zoneinfo

ZONES = ["Europe/Stockholm", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
RULES = ["last", "hourly", "daily", "weekly", "monthly", "yearly"]
NAME = "retention, pick last, against restic"
PAST = datetime.datetime(2026, 10, 1, tzinfo=datetime.timezone.utc)


def is_repeated(local):
    """Whether clocks show this local time twice."""
    return local.replace(fold=0).utcoffset() > local.replace(fold=1).utcoffset()


def instants(rng, zone, count):
    """Instants with everything in them: hours in a row, days, weeks and months apart, both clock
    changes and a new year. As RFC 3339 in UTC, by the text that restic is given."""
    info = zoneinfo.ZoneInfo(zone)
    found = {}
    starts = [datetime.datetime(2025, 12, 28), datetime.datetime(2025, 10, 25),
              datetime.datetime(2026, 3, 28), datetime.datetime(2026, 3, 7),
              datetime.datetime(2024, 2, 27), datetime.datetime(2020, 12, 26)]
    utc = datetime.timezone.utc
    while len(found) < count:
        at = rng.choice(starts).replace(tzinfo=utc) + datetime.timedelta(minutes=rng.randrange(3000))
        step = rng.choice([900, 3600, 3600, 6 * 3600, 86400, 86400, 7 * 86400, 30 * 86400])
        for _ in range(rng.randrange(3, 12)):
            local = at.astimezone(info)
            if not is_repeated(local) and at < PAST:
                found[at.strftime("%Y-%m-%dT%H:%M:%SZ")] = local.strftime("%Y-%m-%d %H:%M:%S")
            at += datetime.timedelta(seconds=step * rng.choice([1, 1, 1, 2, 5]))
    return dict(rng.sample(sorted(found.items()), count))


class Chain:
    def __init__(self, rng, number, pool):
        self.tag = "c%d" % number
        self.zone = rng.choice(sorted(pool))
        share = rng.choice([0.1, 0.3, 0.6, 0.9, 1.0])
        members = [t for t in sorted(pool[self.zone]) if rng.random() < share]
        self.members = members or sorted(pool[self.zone])[:1]
        self.spec = {}
        while not self.spec:
            for rule in RULES:
                if rng.random() < 0.5:
                    self.spec[rule] = rng.choice([1, 2, 3, rng.randrange(1, 12), rng.randrange(1, 60)])
            if rng.random() < 0.4:
                self.spec["within"] = rng.choice([1, 24, 36, 168, rng.randrange(1, 5000)])

    def ours(self, program):
        spec = ",".join("%s=%d%s" % (rule, value, "h" if rule == "within" else "")
                        for rule, value in self.spec.items())
        lines = subprocess.run([program, spec, "last", self.zone], text=True, check=True,
                               input="".join(t + "\n" for t in self.members),
                               stdout=subprocess.PIPE).stdout.splitlines()
        found = {}
        for line in lines:
            verdict, time, *rules = line.split()
            found[time] = sorted(rules) if verdict == "keep" else None
        return found

    def theirs(self, restic):
        arguments = ["forget", "--no-lock", "--dry-run", "--json", "--group-by", "", "--tag", self.tag]
        for rule, value in self.spec.items():
            arguments += ["--keep-" + rule, "%d%s" % (value, "h" if rule == "within" else "")]
        (group,) = json.loads(restic(arguments, self.zone))
        found = {utc_text(snapshot["time"]): None for snapshot in group["remove"] or []}
        for reason in group["reasons"]:
            rules = {match.split()[0] for match in reason["matches"]}
            found[utc_text(reason["snapshot"]["time"])] = sorted(rules)
        kept = {utc_text(snapshot["time"]) for snapshot in group["keep"] or []}
        assert kept == {time for time, rules in found.items() if rules is not None}
        return found


def utc_text(text):
    time = datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Restic:
    """A repository in a folder of its own."""

    def __init__(self, folder):
        self.environment = dict(os.environ, RESTIC_REPOSITORY=os.path.join(folder, "repository"),
                                RESTIC_PASSWORD="oracle", HOME=folder, GOMAXPROCS="1")
        self(["init"], "UTC")

    def __call__(self, arguments, zone):
        run = subprocess.run(["restic", "--quiet", "--no-cache", *arguments],
                             env=dict(self.environment, TZ=zone), input="x", text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if run.returncode != 0:
            raise RuntimeError("restic %s: %s" % (arguments[0], run.stderr.strip()))
        return run.stdout

    def fill(self, pool, chains):
        def snapshot(zone, time):
            tags = [chain.tag for chain in chains if chain.zone == zone and time in chain.members]
            if not tags:
                return
            self(["backup", "--stdin", "--host", "h", "--time", pool[zone][time],
                  "--tag", ",".join(tags)], zone)

        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            for future in [executor.submit(snapshot, zone, time)
                           for zone in pool for time in pool[zone]]:
                future.result()


def compare(program, chains, pool):
    failures = 0
    with tempfile.TemporaryDirectory(prefix="retention-oracle-") as folder:
        restic = Restic(folder)
        restic.fill(pool, chains)
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            theirs = list(executor.map(lambda chain: chain.theirs(restic), chains))
    kept = dropped = 0
    for chain, expected in zip(chains, theirs):
        found = chain.ours(program)
        kept += sum(rules is not None for rules in found.values())
        dropped += sum(rules is None for rules in found.values())
        if found == expected and len(found) == len(chain.members):
            continue
        failures += 1
        print("# %s in %s, %s" % (chain.tag, chain.zone, chain.spec))
        for time in sorted(set(found) | set(expected), reverse=True):
            mine, its = found.get(time, "unknown"), expected.get(time, "unknown")
            if mine != its:
                print("#   %s of %d: ours %s, restic %s" % (time, len(found), mine, its))
    return failures, kept, dropped


def can_be_installed():
    policy = subprocess.run(["apt-cache", "policy", "restic"], text=True, stdout=subprocess.PIPE,
                            check=False).stdout if shutil.which("apt-cache") else ""
    return "Candidate:" in policy and "Candidate: (none)" not in policy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--all", action="store_true", help="300 chains")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    if not shutil.which("restic"):
        if os.environ.get("CI") != "true" and not can_be_installed():
            print("1..0 # SKIP restic is not installed and cannot be")
            return 0
        print("1..1\nnot ok 1 - %s: restic is not installed" % NAME)
        return 1

    rng = random.Random(arguments.seed)
    zones = ZONES if arguments.all else ZONES[:2]
    pool = {zone: instants(rng, zone, 90 if arguments.all else 20) for zone in zones}
    chains = [Chain(rng, number, pool) for number in range(300 if arguments.all else 16)]
    print("1..1")
    failures, kept, dropped = compare(arguments.program, chains, pool)
    print("# %d chains in %d zones, %d snapshots kept and %d dropped by both"
          % (len(chains), len(zones), kept, dropped))
    # Chains of which all is kept, or all dropped, would prove little.
    ok = failures == 0 and kept > 3 * len(chains) and dropped > 2 * len(chains)
    print("%s 1 - %s" % ("ok" if ok else "not ok", NAME))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
