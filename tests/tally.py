#!/usr/bin/env python3
"""tally: what became of every test, over the steps of ./dev and the test runs of several builds.

    tally.py --steps FILE BUILD[:SUITE,SUITE]...
                              prints failures, skips, and `N passed, N failed, N skipped`
    tally.py --sources BUILD  prints our sources that BUILD compiles, for clang-tidy
    tally.py --selftest       as TAP

A test that speaks TAP counts as its subtests, any other as one. A run that died after its last
good subtest, a plan that was not fulfilled, a build whose tests did not run and a suite of which
not one test was there are failures.
FILE holds lines of `pass|fail|skip`, name, reason, separated by tabs.
"""

import json
import os
import re
import sys
import tempfile

TAP_LINE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*(.*)$")
TAP_PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*(?:skip\S*)?\s*(.*))?$", re.IGNORECASE)
TAP_DIRECTIVE = re.compile(r"(?:^|\s)#\s*(skip|todo)\S*\s*(.*)$", re.IGNORECASE)
GOOD = ("OK", "EXPECTEDFAIL")
TAIL_LINES = 30


class Tally:
    def __init__(self):
        self.passed = 0
        self.failures = []  # (name, detail)
        self.skips = []  # (name, reason)

    def add(self, verdict, name, reason=""):
        if verdict == "pass":
            self.passed += 1
        elif verdict == "skip":
            self.skips.append((name, reason))
        else:
            self.failures.append((name, reason))

    def print(self, out):
        for name, reason in self.skips:
            print("skipped: %s: %s" % (name, reason or "no reason given"), file=out)
        for name, detail in self.failures:
            print("FAILED: %s" % name, file=out)
            for line in detail.splitlines()[-TAIL_LINES:]:
                print("        " + line, file=out)
        print(
            "%d passed, %d failed, %d skipped"
            % (self.passed, len(self.failures), len(self.skips)),
            file=out,
        )


def tap_subtests(text):
    """Returns (plan or None, reason for skipping all or "", [(verdict, name, reason)]).

    The reason of a failure is the comment that follows it. A skip is "ok" by the protocol and "not ok"
    by cmocka 1.1.5, which puts the name in the place of the reason; the reason is what the test
    printed before."""
    plan, skip_all, found, said = None, "", [], ""
    for line in text.splitlines():
        match = TAP_PLAN.match(line)
        if match:
            plan = int(match.group(1))
            skip_all = match.group(2) or ""
            continue
        match = TAP_LINE.match(line)
        if not match:
            if line.startswith("#") and found and found[-1][0] == "fail":
                verdict, name, reason = found[-1]
                found[-1] = (verdict, name, "%s\n%s" % (reason, line) if reason else line)
            said = line.lstrip("# ").strip() or said
            continue
        failed, number, name = match.groups()
        verdict, reason = "fail" if failed else "pass", ""
        directive = TAP_DIRECTIVE.search(name)
        if directive:
            name = name[: directive.start()].strip()
            if directive.group(1).lower() == "skip":
                if not failed:
                    verdict, reason = "skip", directive.group(2)
                elif not name:
                    verdict, name, reason = "skip", directive.group(2), said
        found.append((verdict, name.strip() or str(number), reason))
        said = ""
    return plan, skip_all, found


def last_words(test):
    """What a skipped test said as its reason: its last line that is not empty."""
    lines = [l for l in (test.get("stdout") or "").splitlines() if l.strip()]
    lines += [l for l in (test.get("stderr") or "").splitlines() if l.strip()]
    return lines[-1].strip() if lines else ""


def only_skips(test, subtests):
    """Meson takes cmocka's skips for failures; the program itself has ended well."""
    return test.get("returncode") == 0 and any(verdict == "skip" for verdict, _, _ in subtests)


def count_test(tally, name, test):
    output = "%s\n%s" % (test.get("stdout") or "", test.get("stderr") or "")
    result = test["result"]
    plan, skip_all, subtests = tap_subtests(test.get("stdout") or "")

    if plan is None:
        if result == "SKIP":
            tally.add("skip", name, last_words(test))
        elif result in GOOD:
            tally.add("pass", name)
        else:
            tally.add("fail", name, "%s\n%s" % (result, output))
        return
    if plan == 0 and result in GOOD + ("SKIP",):
        tally.add("skip", name, skip_all or last_words(test))
        return

    failed = False
    for verdict, subtest, reason in subtests:
        if verdict == "fail":
            # A sanitizer's report goes to standard error; once is enough.
            if not failed:
                reason = "%s\n%s" % (test.get("stderr") or "", reason)
            failed = True
        tally.add(verdict, "%s: %s" % (name, subtest), reason.strip())
    if len(subtests) != plan:
        tally.add("fail", name, "%d of %d subtests\n%s" % (len(subtests), plan, output))
    elif result not in GOOD + ("SKIP",) and not failed and not only_skips(test, subtests):
        tally.add("fail", name, "%s after its subtests\n%s" % (result, output))


def suites_of(test):
    """Meson writes "project:suite+suite / name"."""
    before, slash, _ = test["name"].partition(" / ")
    return set(before.partition(":")[2].split("+")) if slash else set()


def count_build(tally, build, expected=()):
    log = os.path.join(build, "meson-logs", "testlog.json")
    label = os.path.basename(os.path.normpath(build))
    try:
        with open(log, encoding="utf-8") as lines:
            tests = [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        tally.add("fail", "tests of %s" % label, "no result: %s" % error)
        return
    if not tests:
        tally.add("fail", "tests of %s" % label, "none was run")
    for test in tests:
        count_test(tally, "%s: %s" % (label, test["name"]), test)
    there = set().union(*(suites_of(test) for test in tests))
    for suite in expected:
        if suite not in there:
            tally.add("fail", "%s: suite %s" % (label, suite), "no test of it was run")


def count_steps(tally, path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            verdict, name, reason = line.rstrip("\n").split("\t")
            tally.add(verdict, name, reason)


def sources(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    paths = {os.path.normpath(os.path.join(c["directory"], c["file"])) for c in commands}
    for path in sorted(paths):
        print(path)


def selftest():
    def verdicts(result, stdout, stderr=""):
        tally = Tally()
        count_test(tally, "t", {"result": result, "stdout": stdout, "stderr": stderr})
        return (tally.passed, len(tally.failures), len(tally.skips)), tally

    table = [
        ("one that speaks no TAP", "OK", "ok it went\n", (1, 0, 0)),
        ("one that fails without TAP", "FAIL", "", (0, 1, 0)),
        ("a time-out", "TIMEOUT", "", (0, 1, 0)),
        ("one that skips by status 77", "SKIP", "no namespaces here\n", (0, 0, 1)),
        ("subtests", "OK", "1..2\nok 1 - a\nok 2 - b\n", (2, 0, 0)),
        ("a plan at the end", "OK", "ok 1 - a\nok 2 - b\n1..2\n", (2, 0, 0)),
        ("one failure of two", "FAIL", "1..2\nnot ok 1 - a\nok 2 - b\n", (1, 1, 0)),
        ("a skipped subtest", "OK", "1..2\nok 1 - a # SKIP no bus\nok 2 - b\n", (1, 0, 1)),
        ("a plan not fulfilled", "ERROR", "1..3\nok 1 - a\n", (1, 1, 0)),
        ("more than was planned", "ERROR", "1..1\nok 1 - a\nok 2 - b\n", (2, 1, 0)),
        ("death after the last subtest", "ERROR", "1..1\nok 1 - a\n", (1, 1, 0)),
        ("everything skipped", "SKIP", "1..0 # skipped: no root\n", (0, 0, 1)),
        ("a crash before the plan", "FAIL", "", (0, 1, 0)),
    ]
    failed = 0
    number = 0

    def check(name, good):
        nonlocal failed, number
        number += 1
        failed += not good
        print("%sok %d - %s" % ("" if good else "not ", number, name))

    for name, result, stdout, expected in table:
        check(name, verdicts(result, stdout)[0] == expected)
    cmocka = "1..2\nok 1 - a\n# no file: set X\nnot ok 2 # SKIP b\n"
    tally = Tally()
    count_test(tally, "t", {"result": "FAIL", "stdout": cmocka, "returncode": 0})
    check(
        "a skip as cmocka says it",
        (tally.passed, tally.failures, tally.skips) == (1, [], [("t: b", "no file: set X")]),
    )
    tally = Tally()
    count_test(tally, "t", {"result": "FAIL", "stdout": cmocka, "returncode": -11})
    check("a crash after a skip", len(tally.failures) == 1)
    check("a failed test with a directive", verdicts("FAIL", "1..1\nnot ok 1 - a # SKIP x\n")[0] == (0, 1, 0))
    check(
        "the reason of a skip",
        verdicts("OK", "1..1\nok 1 - a # SKIP no bus\n")[1].skips == [("t: a", "no bus")],
    )
    check(
        "the reason of a skipped test",
        verdicts("SKIP", "x\nno namespaces\n")[1].skips == [("t", "no namespaces")],
    )
    check(
        "the reason of a failure",
        verdicts("FAIL", "1..2\nnot ok 1 - a\n# a.c:3: 1 is not 2\nok 2 - b\n# end\n")[1].failures
        == [("t: a", "# a.c:3: 1 is not 2")],
    )
    with tempfile.TemporaryDirectory() as folder:
        tally = Tally()
        count_build(tally, folder)
        check("a build without results", len(tally.failures) == 1)
        os.mkdir(os.path.join(folder, "meson-logs"))
        with open(os.path.join(folder, "meson-logs", "testlog.json"), "w", encoding="utf-8"):
            pass
        tally = Tally()
        count_build(tally, folder)
        check("a build that ran no test", len(tally.failures) == 1)
        with open(os.path.join(folder, "meson-logs", "testlog.json"), "w", encoding="utf-8") as log:
            for name in ("p:unit / a", "p:sim+long / b"):
                log.write(json.dumps({"name": name, "result": "OK", "stdout": ""}) + "\n")
        tally = Tally()
        count_build(tally, folder, ("unit", "sim", "long"))
        check("every expected suite is there", (tally.passed, tally.failures) == (2, []))
        count_build(tally, folder, ("unit", "layers"))
        check("a suite without a test", [n for n, _ in tally.failures][0].endswith("suite layers"))
    print("1..%d" % number)
    return failed > 0


def main(arguments):
    if arguments == ["--selftest"]:
        return selftest()
    if len(arguments) == 2 and arguments[0] == "--sources":
        sources(arguments[1])
        return 0
    if len(arguments) >= 2 and arguments[0] == "--steps":
        tally = Tally()
        count_steps(tally, arguments[1])
        for run in arguments[2:]:
            build, _, suites = run.partition(":")
            count_build(tally, build, suites.split(",") if suites else ())
        tally.print(sys.stdout)
        return 1 if tally.failures else 0
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
