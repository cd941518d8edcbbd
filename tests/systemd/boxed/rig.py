"""What the tests inside a box share: the unit, its journal, a simulated Azure, and TAP.

`service` beside this folder boots the box, in which this folder is /opt/boxed.
"""

import json
import os
import subprocess
import time
import traceback
import urllib.request

UNIT = "snapkeepd.service"
POLICY = "/etc/snapkeep/policy.yaml"
DROP_IN = "/run/systemd/system/snapkeepd.service.d/test.conf"
ENDED = "/run/ended"
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
STOP_LIMIT_S = 5.0

GOOD_POLICY = """\
version: 1
owner: box
azure:
  cloud: {{arm: "{url}", login: "{url}", imds: "{url}"}}
  identity: {identity}
defaults:
  snapshot_group: rg-snapshots
  jitter: 0s
safety: {{prune: auto, min_keep: 1, min_age: 0s}}
policies:
  gold:
    schedule: {{every: 5s}}
    keep: {{last: 3}}
targets:
  - policy: gold
    match: {{subscription: {subscription}, tags: {{backup: gold}}}}
limits: {{demo: true}}
"""


class Failure(Exception):
    pass


class Skip(Exception):
    """What the test needs is not here: its text says what."""


def want(condition, text):
    if not condition:
        raise Failure(text)


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def systemd_version():
    return int(run("systemctl", "--version").stdout.split()[1])


def prop(name):
    return run("systemctl", "show", "-P", name, UNIT).stdout.strip()


def entries(*matches):
    """The daemon's own entries of the journal, oldest first."""
    run("journalctl", "--sync")
    out = run("journalctl", "-o", "json", "--all", "_SYSTEMD_UNIT=" + UNIT, *matches).stdout
    return [json.loads(line) for line in out.splitlines()]


def status_text():
    return run("systemctl", "status", "--no-pager", "--full", "--lines=50", UNIT).stdout


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


def write_policy(url, identity="managed"):
    write(POLICY, GOOD_POLICY.format(url=url, identity=identity, subscription=SUBSCRIPTION))


def drop_in(text):
    write(DROP_IN, "[Service]\n" + text)
    run("systemctl", "daemon-reload")


def reset():
    run("systemctl", "stop", UNIT)
    run("systemctl", "reset-failed", UNIT)
    if os.path.exists(DROP_IN):
        os.remove(DROP_IN)
        run("systemctl", "daemon-reload")


def wait_for(what, condition, seconds=30.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise Failure("%s did not happen within %g s" % (what, seconds))


def start():
    result = run("systemctl", "start", UNIT)
    want(result.returncode == 0, "start failed: %s\n%s" % (result.stderr, status_text()))


def start_to_be_stopped(more=""):
    """Like start(); the unit then tells its end, which systemctl forgets with the unit. The "+" lets
    the shell run outside of the sandbox."""
    if os.path.exists(ENDED):
        os.remove(ENDED)
    drop_in(
        "ExecStopPost=+/bin/sh -c 'echo $SERVICE_RESULT $EXIT_CODE $EXIT_STATUS >%s'\n" % ENDED + more
    )
    start()


def stop_cleanly():
    began = time.monotonic()
    result = run("systemctl", "stop", UNIT)
    took = time.monotonic() - began
    want(result.returncode == 0, "systemctl stop: " + result.stderr)
    want(took < STOP_LIMIT_S, "stop took %.1f s" % took)
    with open(ENDED, encoding="utf-8") as file:
        end = file.read().strip()
    want(end == "success exited 0", "it ended as %s\n%s" % (end, status_text()))


class Simulation:
    """azure-sim with a few disks; @environment is added to its own."""

    def __init__(self, *options, environment=None):
        port_file = "/tmp/port"
        if os.path.exists(port_file):
            os.remove(port_file)
        self.process = subprocess.Popen(
            ["azure-sim", "--listen", "127.0.0.1:0", "--port-file", port_file, "--disks", "3",
             "--operation-ms", "100", *options],
            env={**os.environ, **(environment or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        def read_port():
            try:
                with open(port_file, encoding="utf-8") as file:
                    return file.read().strip()
            except OSError:
                return ""

        self.port = int(wait_for("the port of azure-sim", read_port))
        self.url = "http://127.0.0.1:%d" % self.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as reply:
            return json.load(reply)

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status

    def snapshots(self):
        return self.get("/sim/world")["snapshots"]


def prepare():
    """What the package's installation does, once a boot."""
    run("systemd-sysusers", "snapkeep.conf")
    run("systemd-tmpfiles", "--create", "snapkeep.conf")
    run("systemctl", "reload", "dbus")  # which then knows the user and the group


def run_tests(tests):
    """Each from a stopped unit. Returns the exit status."""
    prepare()
    failed = 0
    print("1..%d" % len(tests))
    for number, test in enumerate(tests, 1):
        name = test.__name__[len("test_"):].replace("_", " ")
        complaint = None
        skipped = ""
        try:
            reset()
            test()
        except Skip as skip:
            skipped = " # SKIP %s" % skip
        except Failure as failure:
            complaint = str(failure)
        except Exception:  # a test of a broken daemon must not hide the others
            complaint = traceback.format_exc()
        print("%sok %d - %s%s" % ("not " if complaint else "", number, name, skipped))
        for line in (complaint or "").splitlines():
            print("# " + line)
        failed += complaint is not None
    reset()
    return 1 if failed else 0
