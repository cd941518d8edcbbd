#!/usr/bin/env python3
"""manual.py SOURCE SNAPKEEPD SNAPKEEPCTL CATALOGUE: is what the programs have in the manual, and what
the manual has in the programs? Keys of the policy, verbs, options, events, exit statuses; as TAP.

mandoc finds nothing to complain about, where it is installed.
"""

import json
import os
import re
import shutil
import subprocess
import sys

SOURCE, DAEMON, CTL, CATALOGUE = sys.argv[1:5]
PAGES = ["snapkeepctl.1", "snapkeep-policy.5", "snapkeep.7", "snapkeepd.8"]
# Of every verb; the manual has them once.
GLOBAL = {"--json", "--utc", "--help"}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def page(name):
    with open(os.path.join(SOURCE, "man", name), encoding="utf-8") as file:
        return file.read()


def section(text, title):
    return text.split(".Sh %s\n" % title)[1].split("\n.Sh ")[0]


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError("%s: not in the manual: %s; in the manual alone: %s"
                             % (what, sorted(wanted - found), sorted(found - wanted)))


def schema_keys():
    """Paths of all keys that are supported; those that are told elsewhere already, there alone: of a
    policy what defaults have, of two identities what one has."""
    schema, paths = json.loads(output(CTL, "schema")), set()

    def walk(node, path):
        if "not supported yet" in node.get("description", "")[-17:]:
            return
        if path:
            paths.add(path)
        for name, child in node.get("properties", {}).items():
            walk(child, path + "." + name if path else name)
        for other in node.get("oneOf", []) + node.get("anyOf", []):
            walk(other, path)
        if isinstance(node.get("items"), dict):
            walk(node["items"], path)
        if isinstance(node.get("additionalProperties"), dict) and path == "policies":
            walk(node["additionalProperties"], "policies.NAME")

    walk(schema, "")
    again = {"policies.NAME.": "defaults.", "azure.identity.create.": "azure.identity.",
             "azure.identity.prune.": "azure.identity."}
    return {path for path in paths
            if not any(path.startswith(there) and here + path[len(there):] in paths
                       for there, here in again.items())}


def test_keys():
    text = page("snapkeep-policy.5")
    listed = re.findall(r"^\.It Cm (\S+)$", text, re.M)
    same(set(listed), schema_keys(), "keys")
    for block in text.split("\n.It Cm ")[1:]:
        name, rest = block.split("\n", 1)
        if ".Dl " not in rest:
            raise AssertionError("no example of " + name)


def verbs():
    rows = output(CTL, "--help").split("Verbs:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in rows.splitlines()]


def test_verbs():
    listed = re.findall(r"^\.It Cm ([a-z-]+)", section(page("snapkeepctl.1"), "DESCRIPTION"), re.M)
    same(set(listed), set(verbs()), "verbs")


def options_of_manual(text):
    """Of a list item's line, as options with one or two dashes."""
    words = re.findall(r"\bFl (-?)([A-Za-z][A-Za-z-]*)", text)
    return {"-" + dash + name for dash, name in words}


def test_options_of_verbs():
    text = section(page("snapkeepctl.1"), "DESCRIPTION")
    faults = []
    for verb in verbs():
        block = re.search(r"^\.It Cm %s\b.*?(?=^\.It Cm |^\.El)" % re.escape(verb), text,
                          re.M | re.S).group(0)
        shown = set()
        for line in output(CTL, verb, "--help").splitlines():
            if line.startswith("  -"):
                name = line.split()[0]
                short = re.search(r"also as (-\w)", line)
                shown.add(short.group(1) if short else name)
        try:
            same(options_of_manual(block.splitlines()[0]), shown - GLOBAL,
                 "options of " + verb)
        except AssertionError as error:
            faults.append(str(error))
    if faults:
        raise AssertionError("\n".join(faults))


def test_options_of_the_daemon():
    shown = set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", output(DAEMON, "--help"), re.M))
    listed = set()
    for line in re.findall(r"^\.It (Fl .*)$", section(page("snapkeepd.8"), "DESCRIPTION"), re.M):
        listed |= {o for o in options_of_manual(line) | {
            "--" + o for o in re.findall(r", -([a-z-]+)", line)} if o != "-h"}
    same(listed, shown, "options")


def test_events():
    rows = [line.split("\t") for line in output(CATALOGUE, "--list").splitlines()]
    listed = re.findall(r"^\.It Cm (.+)\n\.Li ([0-9a-f]{32})$", section(page("snapkeepd.8"), "EVENTS"),
                        re.M)
    same(set(listed), {(row[1], row[0]) for row in rows}, "events")


def test_exit_statuses():
    shown = output(DAEMON, "--help").split("Exit status:")[1]
    listed = re.findall(r"^\.It (\d+)$", section(page("snapkeepd.8"), "EXIT STATUS"), re.M)
    same(set(listed), set(re.findall(r"\b(\d+) [a-z-]", shown)), "statuses of the daemon")

    text = section(page("snapkeepctl.1"), "EXIT STATUS")
    plain, plugin = text.split("Of\n.Cm status")
    shown = output(CTL, "plan", "--help").split("Exit status:")[1]
    same(set(re.findall(r"^\.It (\d+)$", plain, re.M)), set(re.findall(r"\b(\d) [a-z]", shown)),
         "statuses of verbs")
    shown = output(CTL, "status", "--help").split("Exit status:")[1]
    same(set(re.findall(r"^\.It (\d+)$", plugin, re.M)), set(re.findall(r"\b(\d) [a-z]", shown)),
         "statuses of status")


def test_mandoc_is_silent():
    if not shutil.which("mandoc"):
        print("# mandoc is not here")
        return
    for name in PAGES:
        result = subprocess.run(["mandoc", "-Tlint", os.path.join(SOURCE, "man", name)],
                                capture_output=True, text=True, check=False)
        # Pages that are not installed on this machine are not missing.
        faults = [line for line in (result.stdout + result.stderr).splitlines()
                  if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
        if faults:
            raise AssertionError("\n".join(faults))


def test_pages_are_all():
    same(set(PAGES), {name for name in os.listdir(os.path.join(SOURCE, "man"))
                      if name != "meson.build"}, "pages")


def main():
    tests = [value for name, value in sorted(globals().items()) if name.startswith("test_")]
    failed = 0
    print("1..%d" % len(tests))
    for number, test in enumerate(tests, 1):
        complaint = ""
        try:
            test()
        except AssertionError as error:
            complaint = str(error)
        print("%sok %d - %s" % ("not " if complaint else "", number, test.__name__[5:].replace("_", " ")))
        for line in complaint.splitlines():
            print("# " + line)
        failed += bool(complaint)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
