#!/usr/bin/env python3
"""peers: what a cycle costs us, and Microsoft's clients for the same work.

    peers.py AZURE-SIM SNAPKEEPD SIMULATION SOURCE

A cycle creates one snapshot of a disk, waits for it, and deletes the oldest one of that disk. First
the requests of a cycle as the daemon makes them day after day, in virtual time; then one cycle of many
disks at once, over TLS against azure-sim without latency, limits or time for operations: the
daemon beside the JavaScript SDK, and the Azure CLI where it is installed. Figures; none of them fails.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ('integration', 'clients'):
    sys.path.insert(0, os.path.join(HERE, '..', folder))

from clients import Az, Azure, sdk_command, sdk_environment  # noqa: E402
from rig import end_all, plain_environment, policy  # noqa: E402

PAGE = 1000
PARALLEL = 32
DISKS, AZ_DISKS = 1000, 50


def print_requests(simulation):
    print('Requests of a cycle by kind, over a day of hourly slots; K snapshots a chain, P rows a page.')
    print('The target is 3.03 + (K + 1)/P where pages are full; below, a cycle of few disks also pays its own')
    print('token, listing of disks and page of snapshots.', flush=True)
    subprocess.run([simulation, '--requests'], check=True, timeout=3600)


class Measure:
    """One run of a program: wall, CPU with its children, peak memory, requests that azure-sim saw."""

    def __init__(self, sim, disks, command, environment):
        before = sim.stats()
        begin = time.monotonic()
        with open(os.devnull, 'w') as null, tempfile.TemporaryFile('w+') as errors:
            child = subprocess.Popen(command, stdout=null, stderr=errors, env=environment)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            if child.returncode != 0:
                raise RuntimeError(f'{command[0]}: {child.returncode}\n{errors.read()[-2000:]}')
        after = sim.stats()
        self.wall = time.monotonic() - begin
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory_mib = usage.ru_maxrss / 1024
        self.disks = disks
        self.requests = after['requests'] - before['requests']
        self.made = after['effects']['created'] - before['effects']['created']
        self.gone = after['effects']['deleted'] - before['effects']['deleted']

    def print(self, name, ours=None):
        line = (f'  {name:22} {self.disks:5} {self.made:6} {self.gone:6} '
                f'{self.requests / max(self.made, 1):8.2f} {self.wall:8.2f} {self.cpu:8.2f} '
                f'{self.memory_mib:8.1f}')
        if ours:
            share = self.disks / ours.disks
            line += (f'   {self.wall / ours.wall / share:5.1f} times our wall, '
                     f'{self.cpu / ours.cpu / share:.1f} CPU, '
                     f'{self.memory_mib / ours.memory_mib:.1f} memory')
        print(line, flush=True)


def bench_sim(azure_sim, folder, source, disks):
    sim = Azure(azure_sim, folder, '--disks', disks, '--page-size', PAGE, '--operation-ms', 0, '--no-limits')
    sim.source = source
    return sim


def daemon(sim, folder, snapkeepd, disks):
    """Rounds of a slot each; the second one creates and prunes, and is the one that counts."""
    text = policy(sim, '  gold: {schedule: {every: 1m}, keep: {last: 1}}')
    text = text.replace(f'arm: "{sim.base}"', f'arm: "{sim.arm}", ca: "{sim.ca}"')
    text = text.replace('{demo: true}', f'{{demo: true, parallel: {PARALLEL}}}')
    path = os.path.join(folder, 'policy.yaml')
    with open(path, 'w') as file:
        file.write(text)
    command = [snapkeepd, '--policy', path, '--once']
    Measure(sim, disks, command, plain_environment())
    time.sleep(60 - time.time() % 60 + 0.1)
    return Measure(sim, disks, command, plain_environment())


def sdk(sim, disks):
    """The same two rounds by the JavaScript SDK."""
    for name in ('first', 'second'):
        command = sdk_command(sim, 'cycle', None, name=name, parallel=PARALLEL)
        found = Measure(sim, disks, command, sdk_environment(sim))
    return found


def az(sim, folder, disks):
    """An administrator's script: per disk create, list, delete the older one."""
    client = Az(sim, folder)
    client.by_secret()
    script = os.path.join(folder, 'cycle.sh')
    with open(script, 'w') as file:
        file.write('set -eu\nfor disk in $(az disk list --query "[].id" -o tsv); do\n'
                   '    name=$(basename "$disk")-$1\n'
                   '    az snapshot create -g rg-snapshots -n "$name" --source "$disk" --incremental true '
                   '--tags disk="$(basename "$disk")" -o none\n'
                   '    older=$(az snapshot list -g rg-snapshots --query "sort_by([?tags.disk==\''
                   '$(basename "$disk")\'], &timeCreated)[:-1].name" -o tsv)\n'
                   '    for one in $older; do az snapshot delete -g rg-snapshots -n "$one" -o none; done\n'
                   'done\n')
    sim.post('/sim/world/add', {'snapshots': [
        {'id': row['id'].replace('/disks/', '/snapshots/').replace('rg-app', 'rg-snapshots') + '-older',
         'sourceResourceId': row['id'], 'timeCreated': '2026-01-01T00:00:00Z',
         'tags': {'disk': row['id'].rsplit('/', 1)[1]}} for row in sim.get('/sim/world')['disks']]})
    return Measure(sim, disks, ['sh', script, 'new'], client.environment)


def print_peers(azure_sim, snapkeepd, source, folder):
    print(f'\nOne cycle of many disks at once over TLS, {PARALLEL} in parallel, operations that end at once.')
    print(f'  {"":22} {"disks":>5} {"made":>6} {"gone":>6} {"requests":>8} {"wall s":>8} {"CPU s":>8} '
          f'{"MiB":>8}')
    sim = bench_sim(azure_sim, folder, source, DISKS)
    ours = daemon(sim, folder, snapkeepd, DISKS)
    ours.print('snapkeepd')
    sim.end()
    if os.path.isdir(os.path.join(source, 'build-node', 'clients', 'node_modules')):
        sim = bench_sim(azure_sim, folder, source, DISKS)
        sdk(sim, DISKS).print('JavaScript SDK', ours)
        sim.end()
    else:
        print('  the JavaScript SDK is not installed: ./dev test does that')
    if shutil.which('az'):
        sim = bench_sim(azure_sim, folder, source, AZ_DISKS)
        az(sim, folder, AZ_DISKS).print('Azure CLI, in a loop', ours)
        sim.end()
    else:
        print('  the Azure CLI is not installed: Debian has it as azure-cli')
    print('requests are by snapshot made; ratios are by disk, but for memory')


def main():
    azure_sim, snapkeepd, simulation, source = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix='snapkeep-bench-') as folder:
        os.chdir(folder)
        try:
            print_requests(simulation)
            print_peers(azure_sim, snapkeepd, source, folder)
        finally:
            end_all()
            os.chdir('/')
    return 0


if __name__ == '__main__':
    sys.exit(main())
