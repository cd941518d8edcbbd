#!/usr/bin/env python3
"""What monitoring is told: the text file of metrics, the heartbeat, status as a plugin. Inside a box:
`service` beside this folder starts it; as TAP."""

import http.client
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time

from held import Server
from rig import *

METRICS = "/run/snapkeep/metrics.prom"
URL_FILE = "/etc/snapkeep/credentials/heartbeat-url"
PATH = "/5f1e0c7a-ping-key"


class Listener(Server):
    """What healthchecks.io is to the daemon: counts calls, and refuses them when told to."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ListenerHandler)
        self.url = "http://127.0.0.1:%d%s" % (self.server_address[1], PATH)
        self.calls = []
        self.status = 200
        threading.Thread(target=self.serve_forever, daemon=True).start()


class ListenerHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.calls.append(self.path)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format, *arguments):
        pass


def metrics():
    """{name{labels}: value}"""
    with open(METRICS, encoding="utf-8") as file:
        rows = [line.rsplit(" ", 1) for line in file.read().splitlines() if line[0] != "#"]
    return {row[0]: float(row[1]) for row in rows}


def write_metrics_policy(url, more=""):
    write_policy(url)
    with open(POLICY, "a", encoding="utf-8") as file:
        file.write("metrics: {textfile: %s}\n" % METRICS + more)


def test_metrics_are_promtool_s():
    if not shutil.which("promtool"):
        raise Skip("promtool is not here")
    with Simulation() as simulation:
        write_metrics_policy(simulation.url)
        start()
        wait_for("a snapshot in the metrics", lambda: os.path.exists(METRICS)
                 and metrics().get("snapkeep_snapshots_created_total", 0) > 0, 90)
        with open(METRICS, encoding="utf-8") as file:
            result = subprocess.run(["promtool", "check", "metrics"], stdin=file,
                                    capture_output=True, text=True, check=False)
        want(result.returncode == 0 and not result.stdout + result.stderr, str(result))


def test_metrics_say_how_it_goes():
    with Simulation() as simulation:
        write_metrics_policy(simulation.url)
        start()
        values = wait_for("a deletion in the metrics", lambda: os.path.exists(METRICS) and metrics()
                          if os.path.exists(METRICS)
                          and metrics().get("snapkeep_snapshots_deleted_total", 0) > 0 else None, 90)
        want(os.stat(METRICS).st_mode & 0o777 == 0o644, "the mode is wrong")
        want(os.listdir(os.path.dirname(METRICS)) == ["metrics.prom"], "something was left over")

        newest = [v for k, v in values.items()
                  if k.startswith("snapkeep_series_newest_timestamp_seconds{")]
        want(len(newest) == 3, "of %d disks" % len(newest))
        want(all(abs(time.time() - v) < 60 for v in newest), "newest: %s" % newest)
        chains = [v for k, v in values.items() if k.startswith("snapkeep_series_chain_snapshots{")]
        want(all(3 <= v <= 6 for v in chains), "chains: %s" % chains)
        want(values["snapkeep_health"] == 0, "health %s" % values["snapkeep_health"])
        want(values['snapkeep_requests_total{method="PUT"}'] >= 3, "no PUT was counted")
        want(values['snapkeep_doubts{doubt="clock"}'] == 0, "a doubt")

        simulation.post("/sim/world/delete-group",
                        {"subscription": SUBSCRIPTION, "group": "rg-snapshots"})
        wait_for("the failures", lambda: metrics()['snapkeep_failures_total{operation="create"}'] > 0
                 and metrics()['snapkeep_replies_total{class="parent not found"}'] > 0, 90)

        # Another file after a reload: the old one goes.
        with open(POLICY, encoding="utf-8") as file:
            text = file.read()
        write(POLICY, text.replace(METRICS, METRICS.replace("metrics.prom", "other.prom")))
        want(run("systemctl", "reload", UNIT).returncode == 0, status_text())
        wait_for("the other file", lambda: os.listdir(os.path.dirname(METRICS)) == ["other.prom"], 60)
        run("systemctl", "stop", UNIT)
        want(not os.path.exists(os.path.dirname(METRICS)), "the figures outlive the daemon")


def test_node_exporter_reads_them():
    exporter = shutil.which("prometheus-node-exporter")
    if not exporter:
        raise Skip("prometheus-node-exporter is not here")
    with Simulation() as simulation:
        write_metrics_policy(simulation.url)
        start()
        wait_for("the metrics", lambda: os.path.exists(METRICS), 90)
        process = subprocess.Popen(
            [exporter, "--web.listen-address=127.0.0.1:9111", "--collector.disable-defaults",
             "--collector.textfile", "--collector.textfile.directory=/run/snapkeep"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            def scrape():
                connection = http.client.HTTPConnection("127.0.0.1", 9111, timeout=10)
                try:
                    connection.request("GET", "/metrics")
                    return connection.getresponse().read().decode()
                except OSError:
                    return ""
                finally:
                    connection.close()

            text = wait_for("the exporter", scrape)
            want("snapkeep_health 0" in text or "snapkeep_health 3" in text, "not exported")
            want("node_textfile_scrape_error 0" in text, "the exporter cannot read it")
        finally:
            process.terminate()
            process.wait()


def test_metrics_that_cannot_be_written():
    with Simulation() as simulation:
        write_policy(simulation.url)
        with open(POLICY, "a", encoding="utf-8") as file:
            file.write("metrics: {textfile: /etc/metrics.prom}\n")
        start()
        wait_for("the warning", lambda: [e for e in entries() if "/etc/metrics.prom" in e["MESSAGE"]])
        wait_for("a snapshot all the same", simulation.snapshots)
        time.sleep(3)
        warnings = [e for e in entries("_PID=" + prop("MainPID"))
                    if "/etc/metrics.prom" in e["MESSAGE"]]
        want(len(warnings) == 1, "it was said %d times" % len(warnings))


def start_with_heartbeat(simulation, listener, events=""):
    write(URL_FILE, listener.url + "\n", 0o600)
    write_policy(simulation.url)
    with open(POLICY, "a", encoding="utf-8") as file:
        file.write("notify: {heartbeat: {url_credential: heartbeat-url%s}}\n" % events)
    drop_in("LoadCredential=heartbeat-url:%s\n" % URL_FILE)
    start()


def test_heartbeat():
    listener = Listener()
    with Simulation() as simulation:
        start_with_heartbeat(simulation, listener)
        wait_for("rounds", lambda: listener.calls.count(PATH) >= 3, 60)
        want(PATH + "/start" in listener.calls, "no start in %s" % listener.calls)
        want(listener.calls.index(PATH + "/start") < listener.calls.index(PATH),
             "the end came first: %s" % listener.calls)
        want(PATH + "/fail" not in listener.calls, "a round failed: %s" % listener.calls)

        simulation.post("/sim/world/delete-group",
                        {"subscription": SUBSCRIPTION, "group": "rg-snapshots"})
        wait_for("a round that failed", lambda: PATH + "/fail" in listener.calls, 60)
        want(PATH[1:] not in str(entries()), "the URL stands in the journal")


def test_heartbeat_of_chosen_events():
    listener = Listener()
    with Simulation() as simulation:
        start_with_heartbeat(simulation, listener, ", events: [ok]")
        wait_for("rounds", lambda: listener.calls.count(PATH) >= 2, 60)
        want(set(listener.calls) == {PATH}, "more was told: %s" % set(listener.calls))


def test_heartbeat_that_is_refused():
    listener = Listener()
    listener.status = 500
    with Simulation() as simulation:
        start_with_heartbeat(simulation, listener)
        wait_for("calls", lambda: len(listener.calls) >= 4, 60)
        wait_for("snapshots all the same", lambda: len(simulation.snapshots()) >= 6, 60)
        said = [e for e in entries("_PID=" + prop("MainPID")) if "heartbeat could not" in e["MESSAGE"]]
        want(len(said) == 1 and "status 500" in said[0]["MESSAGE"], "said: %s" % said)
        want(PATH[1:] not in str(entries()), "the URL stands in the journal")
        listener.status = 200
        wait_for("the end of it", lambda: [e for e in entries("_PID=" + prop("MainPID"))
                                           if "heartbeat is heard" in e["MESSAGE"]])


def test_heartbeat_without_its_credential():
    with Simulation() as simulation:
        write_policy(simulation.url)
        with open(POLICY, "a", encoding="utf-8") as file:
            file.write("notify: {heartbeat: {url_credential: heartbeat-url}}\n")
        start()
        wait_for("a word of it", lambda: [e for e in entries("_PID=" + prop("MainPID"))
                                          if "LoadCredential" in e["MESSAGE"]])
        wait_for("snapshots all the same", simulation.snapshots)


def test_status_is_a_plugin():
    with Simulation() as simulation:
        write_policy(simulation.url)
        start()
        wait_for("a good state", lambda: run("snapkeepctl", "status").returncode == 0, 60)
        simulation.post("/sim/world/delete-group",
                        {"subscription": SUBSCRIPTION, "group": "rg-snapshots"})
        wait_for("a bad state", lambda: run("snapkeepctl", "status").returncode in (1, 2), 60)


def test_status_is_watched():
    with Simulation() as simulation:
        write_policy(simulation.url)
        start()
        wait_for("a good state", lambda: run("snapkeepctl", "status").returncode == 0, 60)
        text = run("timeout", "7", "snapkeepctl", "status", "--watch").stdout
        shown = [line for line in text.splitlines() if line.startswith("ok: 3 disks, ")]
        want(len(shown) == 2, "shown in 7 s: %s" % text)
        want("\x1b" not in text, "a pipe got a terminal's escapes")


TESTS = [
    test_metrics_are_promtool_s,
    test_metrics_say_how_it_goes,
    test_node_exporter_reads_them,
    test_metrics_that_cannot_be_written,
    test_heartbeat,
    test_heartbeat_of_chosen_events,
    test_heartbeat_that_is_refused,
    test_heartbeat_without_its_credential,
    test_status_is_a_plugin,
    test_status_is_watched,
]


if __name__ == "__main__":
    sys.exit(run_tests(TESTS))
