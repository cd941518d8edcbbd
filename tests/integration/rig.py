"""What the integration tests share: azure-sim and snapkeepd as processes, and TAP.

Traffic goes to loopback alone; only processes that were started here are ended, by their id.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SUBSCRIPTION = '11111111-1111-4111-8111-111111111111'
PREFIX = f'/subscriptions/{SUBSCRIPTION}/resourceGroups'
COMPUTE = 'providers/Microsoft.Compute'


def disk_id(name):
    return f'{PREFIX}/rg-app/{COMPUTE}/disks/{name}'


def snapshot_id(name, group='rg-snapshots'):
    return f'{PREFIX}/{group}/{COMPUTE}/snapshots/{name}'


class Started(threading.local):
    """Every process of the running test, so that a failure leaves none behind. A thread that works
    beside the tests has its own, and ends them by end_all() itself."""

    def __init__(self):
        self.children = []


started = Started()


def start(*arguments, **options):
    """A child that the end of its test ends, whatever became of the test."""
    child = subprocess.Popen(*arguments, **options)
    started.children.append(child)
    return child


def end_all():
    """Ends what the test has left running."""
    for child in started.children:
        if child.poll() is None:
            child.kill()
            child.wait()
    started.children.clear()


def wait_for(condition, seconds, what):
    """Polls until the condition holds; the bound is generous, since machines are slow at times."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f'{what} did not come about in {seconds} s')


class Sim:
    """azure-sim on a free port of loopback."""

    def __init__(self, binary, folder, *options):
        self.port_file = os.path.join(folder, 'port')
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        self.process = start(
            [binary, '--listen', '127.0.0.1:0', '--port-file', self.port_file, *map(str, options)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.port_file) and open(self.port_file).read().strip(),
                 20, 'the port of azure-sim')
        self.port = int(open(self.port_file).read())
        self.base = f'http://127.0.0.1:{self.port}'

    def get(self, path):
        with urllib.request.urlopen(self.base + path, timeout=20) as reply:
            return json.load(reply)

    def post(self, path, body):
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), method='POST',
                                         headers={'Content-Type': 'application/json'})
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status

    def stats(self):
        return self.get('/sim/stats')

    def snapshots(self):
        return self.get('/sim/world')['snapshots']

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(20)
        if status != 0:
            raise AssertionError(f'azure-sim ended with {status}')


def policy(sim, policies, safety='{prune: auto, min_keep: 1, min_age: 0s}', owner='test'):
    """A policy over all disks of azure-sim's subscription."""
    names = [line.split(':')[0].strip() for line in policies.splitlines() if line.strip()]
    targets = ''.join(f'  - {{policy: {name}, match: {{subscription: {SUBSCRIPTION}}}}}\n'
                      for name in names)
    return (f'version: 1\nowner: {owner}\n'
            f'azure:\n  cloud: {{arm: "{sim.base}", login: "{sim.base}", imds: "{sim.base}"}}\n'
            f'  identity: managed\n'
            f'defaults: {{snapshot_group: rg-snapshots, jitter: 0s}}\n'
            f'safety: {safety}\n'
            f'policies:\n{policies}\n'
            f'targets:\n{targets}'
            f'limits: {{demo: true}}\n')


def plain_environment(**variables):
    """This process's environment without what systemd, a proxy or an Azure client put there."""
    kept = {k: v for k, v in os.environ.items()
            if k not in ('NOTIFY_SOCKET', 'JOURNAL_STREAM', 'CREDENTIALS_DIRECTORY')
            and not k.lower().endswith('_proxy') and not k.startswith('AZURE_')}
    return {**kept, **variables}


class Skip(Exception):
    """Raised by a test that cannot be run here; the text says why."""


class Daemon:
    """snapkeepd on a policy text; what it says is in self.log."""

    def __init__(self, binary, folder, text, *options, **variables):
        self.path = os.path.join(folder, 'policy.yaml')
        self.log = os.path.join(folder, 'snapkeepd.log')
        with open(self.path, 'w') as file:
            file.write(text)
        with open(self.log, 'a') as log:
            self.process = start([binary, '--policy', self.path, *options], stderr=log,
                                 env=plain_environment(**variables))

    def said(self):
        with open(self.log, errors='surrogateescape') as file:
            return file.read()

    def wait(self, seconds=60):
        return self.process.wait(seconds)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


class Tap:
    """Runs tests by name and tells what became of them. A test ends by returning or raising."""

    def __init__(self):
        self.tests = []

    def __call__(self, function):
        self.tests.append(function)
        return function

    def main(self, *arguments):
        print(f'TAP version 13\n1..{len(self.tests)}', flush=True)
        failed = 0
        for number, test in enumerate(self.tests, 1):
            with tempfile.TemporaryDirectory(prefix='snapkeep-test-') as folder:
                try:
                    test(folder, *arguments)
                    print(f'ok {number} - {test.__doc__}', flush=True)
                except Skip as reason:
                    print(f'ok {number} - {test.__doc__} # SKIP {reason}', flush=True)
                except Exception as error:
                    failed += 1
                    print(f'not ok {number} - {test.__doc__}\n# {type(error).__name__}: {error}')
                    for name in sorted(os.listdir(folder)):
                        if name.endswith('.log'):
                            for line in open(os.path.join(folder, name)).readlines()[-40:]:
                                print(f'#   {line.rstrip()}')
                    sys.stdout.flush()
                finally:
                    end_all()
        return 1 if failed else 0
