"""checks: what a record may name, and how it is seen that the check has caught something.

        unit:test-NAME              the program fails
        unit:test-NAME/FUNCTION     this test of it fails
        sim:PROMISE                 the simulation breaks this promise (all scenarios, a few seeds)
        sim:PROMISE@SCENARIO        this scenario breaks it
        sim:SCENARIO                this scenario breaks any promise
        sim:any                     some scenario breaks some promise
        hang:CHECK                  one of the above does not come to an end
        any                         one of the tests that the changed code is in; the last resort is
                                    the simulation. It is what random changes name.

The names of promises, scenarios and options are the simulation's own: this file is the one place
that knows them.
"""

import glob
import os
import re

# What tests/sim prints: "# broken: NAME: what happened", of a generated run "# ... broken on day 3
# at 01:00:00: NAME: ...", and of a kill at every request "# killed before request 3: NAME: ...".
PROMISES = (
    "only-ours", "never-the-last", "kept", "held", "failed", "exactly-once", "slot", "truth",
    "rpo", "vanished", "explained", "doubt-clock", "doubt-listing", "doubt-targets", "doubt-stale",
    "doubt-policy", "doubt-mass", "doubt-peer", "doubt-internal", "gone-disk", "asked", "re-read",
    "survivors", "retry-after", "burst", "budgets", "creates", "it-ends", "turns", "silent",
)
BROKEN = re.compile(
    r"^#.*?(?:\bbroken(?: on day \d+ at [\d:]+)?|\bkilled \w+ request \d+): ([a-z -]+):",
    re.MULTILINE,
)
NOT_OK = re.compile(r"^not ok \d+ -? ?(.*?)$", re.MULTILINE)

SIMULATION = "simulation"  # the name of its test, and of its program
# Told as they are: shrinking one takes longer than all the others.
SIM_ALL = [["--generated", "50", "--jobs", "1", "--failures", "4"], ["--runs", "8"]]
SIM_SCENARIO = ["--scenario"]  # with a name and --seed
SIM_SCENARIO_SEEDS = 12

# Beside the time a check takes without a bug.
LIMIT_FACTOR = 10
LIMIT_LEAST_S = 30


class Check:
    """What to run, as meson's name and arguments beyond meson's own, and what must come of it."""

    def __init__(self, text):
        self.text = text
        self.hang = text.startswith("hang:")
        kind, _, rest = text.removeprefix("hang:").partition(":")
        self.promise = self.function = self.scenario = None
        self.runs = [[]]  # arguments of each run
        if kind == "unit" and rest.startswith("test-"):
            name, _, function = rest.removeprefix("test-").partition("/")
            self.test, self.function = name, function or None
        elif kind == "sim" and rest:
            self.test = SIMULATION
            promise, _, scenario = rest.partition("@")
            if promise in PROMISES:
                self.promise = promise
            elif scenario:
                raise ValueError("%s is no promise" % promise)
            elif promise != "any":
                scenario = promise
            self.runs = SIM_ALL
            self.scenario = scenario
            if scenario:
                self.runs = [
                    SIM_SCENARIO + [scenario, "--seed", str(seed)]
                    for seed in range(1, SIM_SCENARIO_SEEDS + 1)
                ]
        else:
            raise ValueError("no kind of check: %s" % text)

    def stranger(self, source):
        """A name of it that the tests of @source do not have, or None."""
        if self.test != SIMULATION:
            path = os.path.join(source, "tests/unit/test-%s.c" % self.test)
            if not os.path.exists(path):
                return "test-" + self.test
            with open(path, encoding="utf-8") as file:
                return None if not self.function or self.function in file.read() else self.function
        texts = ""
        for path in sorted(glob.glob(os.path.join(source, "tests/sim/*.c"))):
            with open(path, encoding="utf-8") as file:
                texts += file.read()
        for name in (self.promise, self.scenario):
            if name and '"%s"' % name not in texts:
                return name
        return None

    def failed(self, output, status):
        """Whether a run shows any bug. The simulation also says 1 when a few seeds did not evaluate
        every promise often enough."""
        if self.test == SIMULATION and status == 1:
            return bool(BROKEN.search(output))
        return status != 0

    def caught(self, output, status):
        """Whether a run that failed has failed as it must."""
        if self.promise:
            return self.promise in BROKEN.findall(output)
        if self.function:
            return self.function in NOT_OK.findall(output)
        return self.failed(output, status)


def unproven(source, named):
    """Complaints about checks of the simulation that no record is to be caught by (@named: Checks), and
    about those that this file does not know."""
    path = os.path.join(source, "tests/sim/checks.c")
    with open(path, encoding="utf-8") as file:
        body = re.search(r"^const char \*promise_name\(.*?^}", file.read(), re.DOTALL | re.MULTILINE)
    told = re.findall(r'return "([a-z-]+)";', body.group())
    promises = {check.promise for check in named}
    return ["no record names the check " + p for p in PROMISES if p not in promises] + [
        "checks.py does not know the check " + p for p in told if p not in PROMISES
    ]


def of_everything(tests):
    """What a random change is held against: the unit tests of what runs without a real clock and
    network, and the simulation when those have found nothing. @tests is meson's list."""
    units = [t["name"] for t in tests if any(s.endswith(":unit") for s in t["suite"])]
    names = ["unit:test-" + n for n in units if not n.startswith(("runtime-", "sim-"))]
    return [Check(name) for name in names + ["sim:any"]]


def failure(output, status):
    """In a few words, how a run failed."""
    if status < 0:
        words = ["killed by signal %d" % -status]
    else:
        words = ["broke " + name for name in dict.fromkeys(BROKEN.findall(output))]
        words = words or NOT_OK.findall(output)[:3] or ["status %d" % status]
    return ", ".join(words)
