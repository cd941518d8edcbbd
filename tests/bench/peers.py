#!/usr/bin/env python3
"""peers: what a cycle costs us, and Microsoft's clients for the same work.

    peers.py AZURE-SIM SNAPKEEPD SIMULATION SHIFTED-CLOCK SOURCE

A cycle creates one snapshot of a disk, waits for it, and deletes the oldest one of that disk. First
the requests of a cycle as the daemon makes them day after day, in virtual time; then one cycle of many
disks at once, over TLS against azure-sim without latency, limits or time for operations: the
daemon, as a process for one round and in its life, beside the JavaScript SDK in both ways, and the Azure CLI
where it is installed. Figures; none of them fails.
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

from clients import Az, Azure, printed, sdk_command, sdk_environment  # noqa: E402
from rig import Daemon, end_all, plain_environment, policy  # noqa: E402

PAGE = 1000
PARALLEL = 32
KEEP = 2
DISKS, AZ_DISKS = 1000, 50
# Of a daemon in its life: listings are trusted once two agree that are a quarter of an hour apart. Its time, and
# azure-sim's, goes so many times as fast, that of the machine's processor does not.
RATE, SLOT_S, TRUST_S = 20, 300, 1200
EPOCH = int(time.time())


def print_requests(simulation):
    print('Requests of a cycle by kind, over a day of hourly slots; K snapshots a chain, P rows a page.')
    print('The target is 3.03 + (K + 1)/P where pages are full; below, a cycle of few disks also pays its own')
    print('token, listing of disks and page of snapshots.', flush=True)
    subprocess.run([simulation, '--requests'], check=True, timeout=3600)


class Cost:
    """Of one cycle: requests and effects that azure-sim saw, wall, CPU and the peak of memory."""

    def __init__(self, disks, before, after, wall, cpu, memory_mib, cycles=1):
        self.disks, self.wall, self.cpu, self.memory_mib = disks, wall, cpu, memory_mib
        self.requests = (after['requests'] - before['requests']) / cycles
        self.made = (after['effects']['created'] - before['effects']['created']) // cycles
        self.gone = (after['effects']['deleted'] - before['effects']['deleted']) // cycles

    def print(self, name, ours=()):
        """Beside each of @ours, by disk but for memory."""
        print(f'  {name:27} {self.disks:5} {self.made:6} {self.gone:6} '
              f'{self.requests / max(self.made, 1):8.2f} {self.wall:8.2f} {self.cpu:8.2f} '
              f'{self.memory_mib:8.1f}', flush=True)
        for what, one in ours:
            share = self.disks / one.disks
            print(f'{"":15}{self.wall / one.wall / share:8.1f} times the wall, '
                  f'{self.cpu / one.cpu / share:.1f} the CPU, {self.memory_mib / one.memory_mib:.1f} the '
                  f'memory of {what}', flush=True)


def process(sim, disks, command, environment):
    """What a program costs from its start to its end, with its children."""
    before = sim.stats()
    begin = time.monotonic()
    with open(os.devnull, 'w') as null, tempfile.TemporaryFile('w+') as errors:
        child = subprocess.Popen(command, stdout=null, stderr=errors, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        if child.returncode != 0:
            raise RuntimeError(f'{command[0]}: {child.returncode}\n{errors.read()[-2000:]}')
    return Cost(disks, before, sim.stats(), wall, usage.ru_utime + usage.ru_stime,
                usage.ru_maxrss / 1024)


def bench_sim(azure_sim, folder, source, disks, **variables):
    os.environ.update(variables)
    sim = Azure(azure_sim, folder, '--disks', disks, '--page-size', PAGE, '--operation-ms', 0, '--no-limits')
    for name in variables:
        del os.environ[name]
    sim.source = source
    return sim


def policy_text(sim, every):
    text = policy(sim, f'  gold: {{schedule: {{every: {every}}}, keep: {{last: {KEEP}}}}}')
    text = text.replace(f'arm: "{sim.base}"', f'arm: "{sim.arm}", ca: "{sim.ca}"')
    return text.replace('{demo: true}', f'{{demo: true, parallel: {PARALLEL}}}')


def once(sim, folder, snapkeepd, disks):
    """The first of several rounds that creates and prunes. Each is a process of its own, to which no listing is
    proven yet."""
    path = os.path.join(folder, 'policy.yaml')
    with open(path, 'w') as file:
        file.write(policy_text(sim, '1m'))
    command = [snapkeepd, '--policy', path, '--once']
    for _ in range(KEEP):
        process(sim, disks, command, plain_environment())
        time.sleep(60 - time.time() % 60 + 0.1)
    return process(sim, disks, command, plain_environment())


def hastened(shifted_clock):
    """For programs whose time is to run RATE times as fast, and agree."""
    return {'LD_PRELOAD': shifted_clock, 'SHIFTED_CLOCK_FILE': '/nonexistent',
            'SHIFTED_CLOCK_RATE': str(RATE), 'SHIFTED_CLOCK_EPOCH': str(EPOCH)}


def cpu_of(pid):
    with open(f'/proc/{pid}/schedstat') as file:
        return int(file.read().split()[0]) / 1e9


def memory_of(pid):
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('VmHWM:')) / 1024


def sleep_to_slot(since):
    """To just before the next slot after @since; returns it, on the machine's clock."""
    slot = ((EPOCH + (since - EPOCH) * RATE) // SLOT_S + 1) * SLOT_S
    slot = EPOCH + (slot - EPOCH) / RATE
    time.sleep(max(slot - 0.2 - time.time(), 0))
    return slot


def settled(sim, before, disks, until):
    """When the last effect of a slot came that makes and deletes one of each disk."""
    while time.time() < until:
        effects = sim.stats()['effects']
        if all(effects[kind] - before['effects'][kind] >= disks for kind in ('created', 'deleted')):
            return time.time()
        time.sleep(0.02)
    raise RuntimeError('the daemon was not done by its next slot')


def living(sim, folder, snapkeepd, disks, clock):
    """A cycle of a daemon that has run for long enough to trust listings. Its wait for operations is as much
    shorter as its time is faster."""
    running = Daemon(snapkeepd, folder, policy_text(sim, f'{SLOT_S}s'), **clock)
    pid = running.process.pid
    slot = sleep_to_slot(time.time() + TRUST_S / RATE)
    before, cpu = sim.stats(), cpu_of(pid)
    end = settled(sim, before, disks, slot + SLOT_S / RATE)
    time.sleep(0.5)
    cost = Cost(disks, before, sim.stats(), end - slot, cpu_of(pid) - cpu, memory_of(pid))
    running.stop()
    return cost


def sdk(sim, disks):
    """The JavaScript SDK: the first round that prunes, each being a process of its own; then the last of several in
    one process, which has compiled its code by then."""
    def command(*names):
        return sdk_command(sim, 'cycle', None, names=names, keep=KEEP, parallel=PARALLEL)

    for i in range(KEEP):
        process(sim, disks, command(f'before-{i}'), sdk_environment(sim))
    alone = process(sim, disks, command('alone'), sdk_environment(sim))
    names = [f'after-{i}' for i in range(5)]
    before = sim.stats()
    last = printed(command(*names), sdk_environment(sim))[-1]
    return alone, Cost(disks, before, sim.stats(), last['wall'], last['cpu'], last['memory'], len(names))


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
    return process(sim, disks, ['sh', script, 'new'], client.environment)


def print_peers(azure_sim, snapkeepd, source, folder, clock):
    print(f'\nOne cycle of many disks at once over TLS, {PARALLEL} in parallel, operations that end at once.')
    print(f'  {"":27} {"disks":>5} {"made":>6} {"gone":>6} {"requests":>8} {"wall s":>8} {"CPU s":>8} '
          f'{"MiB":>8}')
    sim = bench_sim(azure_sim, folder, source, DISKS)
    alone = once(sim, folder, snapkeepd, DISKS)
    alone.print('snapkeepd --once')
    sim.end()
    sim = bench_sim(azure_sim, folder, source, DISKS, **clock)
    life = living(sim, folder, snapkeepd, DISKS, clock)
    life.print('snapkeepd, in its life')
    sim.end()
    ours = (('snapkeepd --once', alone), ('snapkeepd in its life', life))
    if os.path.isdir(os.path.join(source, 'build-node', 'clients', 'node_modules')):
        sim = bench_sim(azure_sim, folder, source, DISKS)
        for name, cost in zip(('JavaScript SDK, a script', 'JavaScript SDK, in its life'), sdk(sim, DISKS)):
            cost.print(name, ours)
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
    azure_sim, snapkeepd, simulation, shifted_clock, source = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix='snapkeep-bench-') as folder:
        os.chdir(folder)
        try:
            print_requests(simulation)
            print_peers(azure_sim, snapkeepd, source, folder, hastened(shifted_clock))
        finally:
            end_all()
            os.chdir('/')
    return 0


if __name__ == '__main__':
    sys.exit(main())
