#!/usr/bin/env python3
"""README's path to production under a booted systemd, with azure-sim as the cloud: `readme` beside this
starts it, in a root where the commands that need a network were run.

Every command of the section is run as it stands, with the words in capitals filled in, and must end
with 0. What `az` would do to Azure is done to azure-sim, or is Azure's alone and passed over by name.
Each is printed with the seconds it took."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request

TREE = "/srv/snapkeep"
SECTION = "## Ten minutes to production"
POLICY = "/etc/snapkeep/policy.yaml"
SUBSCRIPTION = "44444444-4444-4444-8444-444444444444"
DISKS = "/subscriptions/%s/resourceGroups/rg-app/providers/Microsoft.Compute/disks/" % SUBSCRIPTION
WORLD = {
    "groups": [{"subscription": SUBSCRIPTION, "name": name, "location": "westeurope"}
               for name in ("rg-app", "rg-snapshots")],
    "identities": [{"clientId": "55555555-5555-4555-8555-555555555555"}],
    "disks": [{"id": DISKS + name, "location": "westeurope", "sizeGB": 32}
              for name in ("db01-data", "scratch")],
}
# How long the first round may take until status finds all in order.
ROUND_LIMIT_S = 60


def commands():
    """Those of the section, a line each: what stands in its code blocks."""
    with open(os.path.join(TREE, "README.md"), encoding="utf-8") as file:
        section = file.read().split(SECTION + "\n")[1].split("\n## ")[0]
    lines = [line.strip() for line in re.findall(r"^ {7}(.*)$", section, re.M)]
    return re.sub(r" \\\n", " ", "\n".join(lines)).splitlines()


class Cloud:
    """azure-sim, with a disk that is to be backed up and one that is not."""

    def __init__(self):
        with open("/run/world.json", "w", encoding="utf-8") as file:
            json.dump(WORLD, file)
        subprocess.Popen([TREE + "/build/src/azure-sim/azure-sim", "--listen", "127.0.0.1:0",
                          "--port-file", "/run/port", "--world", "/run/world.json"])
        port = ""
        while not port:
            time.sleep(0.1)
            if os.path.exists("/run/port"):
                with open("/run/port", encoding="utf-8") as file:
                    port = file.read().strip()
        self.url = "http://127.0.0.1:" + port

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request, timeout=20).close()

    def snapshots(self):
        with urllib.request.urlopen(self.url + "/sim/world", timeout=20) as reply:
            return json.load(reply)["snapshots"]


def want(condition, text):
    if not condition:
        sys.exit("readme: " + text)


def shell(command):
    """What it printed; with a status that is not 0 this ends."""
    result = subprocess.run(["sh", "-euc", command], cwd=TREE, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print("".join("    %s\n" % line for line in result.stdout.splitlines()), end="")
    want(result.returncode == 0, "it ended with %d" % result.returncode)
    return result.stdout


def az(command, cloud):
    tag = re.fullmatch(r"az disk update -g \S+ -n \S+ --set tags\.(\w+)=(\w+)", command)
    if tag:
        cloud.post("/sim/world/tag", {"id": DISKS + "db01-data", "name": tag[1], "value": tag[2]})
    for path in re.findall(r"--role-definition (\S+)", command):
        with open(os.path.join(TREE, path), encoding="utf-8") as file:
            scopes = json.load(file)["AssignableScopes"]
        want(all(SUBSCRIPTION in scope for scope in scopes), "%s is for %s" % (path, scopes))


def point_policy(cloud):
    """The policy's cloud is the simulated one."""
    with open(POLICY, encoding="utf-8") as file:
        text = file.read()
    want("cloud: public" in text, "the policy is for another cloud")
    with open(POLICY, "w", encoding="utf-8") as file:
        file.write(text.replace("cloud: public", 'cloud: {arm: "%s", login: "%s", imds: "%s"}'
                                % (cloud.url, cloud.url, cloud.url)))


def status(command):
    """At once, and when the first round is over."""
    def complete():
        result = subprocess.run(command.split() + ["--json"], capture_output=True, check=False)
        return [row["complete"] for row in json.loads(result.stdout)["series"]]

    subprocess.run(command.split(), stdin=subprocess.DEVNULL, check=False)
    end = time.monotonic() + ROUND_LIMIT_S
    while complete() != [1]:
        want(time.monotonic() < end, "the first round does not end: %s" % complete())
        time.sleep(0.5)
    shell(command)


def follow(command, cloud):
    held = command.startswith("snapkeepctl hold ")
    for word, value in {"SUBSCRIPTION": SUBSCRIPTION, "OWNER": "prod-backup", "DISK": "db01-data",
                        "SNAPSHOT": next((row["id"].split("/")[-1] for row in cloud.snapshots()), "")
                        }.items():
        command = re.sub(r"\b%s\b" % word, value, command)
    if command.split()[0] in ("apt-get", "./dev"):
        print("    (was run before)")
    elif command.startswith("az "):
        print("    (in the cloud)")
        az(command, cloud)
    elif command == "snapkeepctl status":
        status(command)
        want([row["sourceResourceId"] for row in cloud.snapshots()] == [DISKS + "db01-data"],
             "snapshots are %s" % cloud.snapshots())
    else:
        shell(command)
    if command.startswith("install ") and command.endswith(POLICY):
        point_policy(cloud)
    if command.startswith(("snapkeepctl hold ", "snapkeepctl release ")):
        tagged = ["snapkeep-hold" in row.get("tags", {}) for row in cloud.snapshots()]
        want(any(tagged) == held, "after it, held are %s" % tagged)


def main():
    found, cloud = commands(), Cloud()
    for wanted in ("check", "plan", "status", "backup", "list", "hold", "release", "history"):
        want(any(c.startswith("snapkeepctl " + wanted) for c in found), wanted + " is not in README")
    for command in found:
        print("# " + command, flush=True)
        began = time.monotonic()
        follow(command, cloud)
        print("    (%.1f s)" % (time.monotonic() - began), flush=True)
    print("readme: %d commands" % len(found))


if __name__ == "__main__":
    main()
