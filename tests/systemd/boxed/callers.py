#!/usr/bin/env python3
"""Who may do what on a real system bus, and who hears of it: a visitor, a member of the group snapkeep,
and root. Inside a box: `service` beside this folder starts it; as TAP."""

import os
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from rig import *

NAME, PATH, MANAGER = "org.snapkeep1", "/org/snapkeep1", "org.snapkeep1.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ROOT, KEEPER, VISITOR = None, "warden", "guest"
EVERYBODY = (ROOT, KEEPER, VISITOR)
# All that a visitor may call; what is new is not for him until it is named here and in the policy.
READING = {"Status", "ListSeries", "ListDoubts", "ListSnapshots", "ListChains", "Plan", "RetirePlan",
           "Order"}
ERROR = "org.freedesktop.DBus.Error."
# Of a type, a value that means nothing.
NOTHING = {"s": "string:none", "u": "uint32:0", "t": "uint64:0", "b": "boolean:false"}


def by(user, *command):
    if user is ROOT:
        return command
    return ("setpriv", "--reuid", user, "--regid", user, "--init-groups", *command)


def send(user, interface, member, *arguments, path=PATH, name=NAME):
    """Returns the error's name and text, or None and what was answered. busctl does not tell names."""
    result = run(*by(user, "dbus-send", "--system", "--print-reply", "--dest=" + name, path,
                     interface + "." + member, *arguments))
    if result.returncode == 0:
        return None, result.stdout
    error, _, text = result.stderr.strip().removeprefix("Error ").partition(": ")
    return error, text


def want_error(wanted, user, *call, **more):
    error, text = send(user, *call, **more)
    want(error == wanted, "%s of %s: wanted %s, got %s: %s" % (call, user or "root", wanted, error, text))


def introspected(user):
    """{method: [types of what it takes]}, {property: access}"""
    result = run(*by(user, "busctl", "--system", "introspect", "--xml-interface", NAME, PATH))
    want(result.returncode == 0, "introspect of %s: %s" % (user or "root", result.stderr))
    tree = xml.etree.ElementTree.fromstring(result.stdout)
    interface = tree.find("interface[@name='%s']" % MANAGER)
    return ({m.get("name"): [a.get("type") for a in m.findall("arg") if a.get("direction") == "in"]
             for m in interface.findall("method")},
            {p.get("name"): p.get("access") for p in interface.findall("property")})


def start_with_users(simulation):
    for user, more in ((KEEPER, ("-G", "snapkeep")), (VISITOR, ())):
        if run("getent", "passwd", user).returncode:
            want(run("useradd", "-M", "-U", *more, user).returncode == 0, "useradd " + user)
    write_policy(simulation.url)
    start()
    wait_for("a snapshot", simulation.snapshots)
    wait_for("the name", lambda: send(ROOT, MANAGER, "Status")[0] is None)


def test_all_see_what_there_is():
    with Simulation() as simulation:
        start_with_users(simulation)
        first = introspected(ROOT)
        for user in EVERYBODY:
            want(introspected(user) == first, "another interface for %s" % user)
            table = run(*by(user, "busctl", "--system", "introspect", NAME, PATH)).stdout
            for name in first[1]:
                row = next((row for row in table.splitlines() if row.startswith("." + name)), "")
                want("property" in row and " - " not in row.split("property")[1][:30],
                     "no value of %s for %s: %s" % (name, user, table))
            want(send(user, "org.freedesktop.DBus.Peer", "Ping")[0] is None, "Ping of %s" % user)
            want(PATH.rsplit("/", 1)[1] in run(*by(user, "busctl", "--system", "tree", NAME)).stdout,
                 "tree of %s" % user)
        want(READING < set(first[0]) and len(first[0]) >= 17, "methods: %s" % sorted(first[0]))


def test_each_method_for_whom_it_is():
    """The bus judges, before the daemon sees an argument of it."""
    with Simulation() as simulation:
        start_with_users(simulation)
        for method, types in introspected(ROOT)[0].items():
            arguments = [NOTHING[letter] for letter in types]
            for user in EVERYBODY:
                error, text = send(user, MANAGER, method, *arguments)
                refused = user == VISITOR and method not in READING
                want((error == ERROR + "AccessDenied") == refused,
                     "%s of %s: %s: %s" % (method, user or "root", error, text))
                # What these refuse is what the values say, in words of the interface.
                want(not error or refused or error.startswith("org.snapkeep1.Error."),
                     "%s of %s: %s: %s" % (method, user or "root", error, text))
        # Nothing of a visitor's reached it.
        told = [e["MESSAGE"] for e in entries() if "says " + VISITOR in e["MESSAGE"]]
        want(not told, "orders of a visitor: %s" % told)
        want([e for e in entries() if "says " + KEEPER in e["MESSAGE"]], "no order of a keeper")


def test_what_is_wrong_is_named():
    with Simulation() as simulation:
        start_with_users(simulation)
        for user in EVERYBODY:
            want_error(ERROR + "PropertyReadOnly", user, PROPERTIES, "Set", "string:" + MANAGER,
                       "string:Health", "variant:string:ok")
            want_error(ERROR + "UnknownProperty", user, PROPERTIES, "Get", "string:" + MANAGER,
                       "string:Wealth")
            want_error(ERROR + "InvalidArgs", user, MANAGER, "ListSeries", "string:all")
            want_error(ERROR + "UnknownObject", user, MANAGER, "Status", path="/org/other")
            want_error(ERROR + "AccessDenied", user, "org.example.Other", "Status")
        want_error(ERROR + "UnknownMethod", KEEPER, MANAGER, "Delete")
        want_error(ERROR + "AccessDenied", VISITOR, MANAGER, "Delete")
        want_error("org.snapkeep1.Error.Unknown", KEEPER, MANAGER, "Ack", "string:0123456789abcdef")
        # Nobody takes its place, not even while it is away.
        for _ in range(2):
            for user in (KEEPER, VISITOR):
                want_error(ERROR + "AccessDenied", user, "org.freedesktop.DBus", "RequestName",
                           "string:" + NAME, "uint32:0", name="org.freedesktop.DBus",
                           path="/org/freedesktop/DBus")
            run("systemctl", "stop", UNIT)
        want_error(ERROR + "ServiceUnknown", VISITOR, MANAGER, "Status")


class Listening:
    """A monitor that @user runs, until the block is over; then all that it said."""

    def __init__(self, user, *command):
        self.command = by(user, *command)
        self.file = tempfile.TemporaryFile()

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=self.file, stderr=subprocess.STDOUT,
                                        env={**os.environ, "LANG": "C"})
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(10)
        self.file.close()

    def text(self):
        """The monitor writes at the offset that it shares with this file: a seek would move its next line."""
        size = os.fstat(self.file.fileno()).st_size
        return os.pread(self.file.fileno(), size, 0).decode()


def listener_of(user):
    """Hears all of the object that @user may hear: without the right to be a monitor, dbus-monitor falls
    back to a match, for which signals are broadcast."""
    return Listening(user, "stdbuf", "-oL", "dbus-monitor", "--system", "path='%s'" % PATH)


def test_changes_are_heard_by_all():
    with Simulation() as simulation:
        start_with_users(simulation)
        with listener_of(ROOT) as root, listener_of(KEEPER) as keeper, \
                listener_of(VISITOR) as visitor:
            listeners = (root, keeper, visitor)
            for one in listeners:
                wait_for("a listener", one.text, 10)
            want(send(KEEPER, MANAGER, "Pause", "boolean:false", "uint64:0")[0] is None, "Pause")
            for one in listeners:
                wait_for("the change of NDoubts for %s" % (one.command,),
                         lambda: 'string "NDoubts"' in one.text()
                         and "member=PropertiesChanged" in one.text(), 45)
            # Whoever may ask is told the same.
            counts = {send(user, PROPERTIES, "Get", "string:" + MANAGER, "string:NDoubts")[1].split()[-1]
                      for user in EVERYBODY}
            want(len(counts) == 1 and counts != {"0"}, "NDoubts: %s" % counts)
            # What others say to the daemon is root's business alone.
            want("member=Pause" in root.text(), "root did not hear a call: " + root.text())
            for one in (keeper, visitor):
                want("member=Pause" not in one.text(), "a call of others was heard: " + one.text())


def test_monitoring_is_root_s():
    monitor = ("busctl", "--system", "monitor", NAME)
    with Simulation() as simulation:
        start_with_users(simulation)
        for user in (KEEPER, VISITOR):
            result = run(*by(user, "timeout", "10", *monitor))
            want(result.returncode not in (0, 124) and "denied" in result.stderr,
                 "monitor of %s: %s" % (user, result))
        with Listening(ROOT, "stdbuf", "-oL", *monitor) as root:
            wait_for("the monitor", lambda: "Monitoring bus" in root.text(), 10)
            send(KEEPER, MANAGER, "Ack", "string:0123456789abcdef")
            send(VISITOR, MANAGER, "Resume")
            seen = wait_for("the answers", lambda: root.text() if "ErrorName" in root.text()
                            and "Member=Resume" in root.text() else None, 10)
            for word in ("Member=Ack", "0123456789abcdef", "org.snapkeep1.Error.Unknown"):
                want(word in seen, "no %s in\n%s" % (word, seen))
            wait_for("a change", lambda: "PropertiesChanged" in root.text(), 45)
            for word in ("Bearer", "eyJ"):
                want(word not in root.text(), "%s was said on the bus" % word)


TESTS = [
    test_all_see_what_there_is,
    test_each_method_for_whom_it_is,
    test_what_is_wrong_is_named,
    test_changes_are_heard_by_all,
    test_monitoring_is_root_s,
]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
