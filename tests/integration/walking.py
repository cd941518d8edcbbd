"""The walking path over HTTP: snapkeepd against azure-sim, and death at every request.

Usage: walking.py SNAPKEEPD AZURE-SIM
"""
import concurrent.futures
import sys
import tempfile
import time

from rig import (Daemon, Sim, Tap, disk_id, end_all, policy, snapshot_id, wait_for)

tap = Tap()
# A round that is killed at its end, and the one after it, each with the wait for its listing.
EVERY = 8


def complete(snapshots, **tags):
    """Complete ones whose tags have these values, by disk's source id."""
    return [s for s in snapshots if s.get('provisioningState', 'Succeeded') == 'Succeeded'
            and all(s.get('tags', {}).get('snapkeep-' + k) == v for k, v in tags.items())]


def our_tags(sim, owner, slot):
    generation = next(d['uniqueId'] for d in sim.get('/sim/world')['disks']
                      if d['id'].lower() == disk_id('disk-0001').lower())
    return {'snapkeep-version': '1', 'snapkeep-owner': owner, 'snapkeep-policy': 'gold',
            'snapkeep-slot': slot, 'snapkeep-generation': generation, 'snapkeep-disk': 'x/rg-app/disk-0001',
            'snapkeep-keep': 'last=3;pick=first;zone=UTC'}


@tap
def walk(folder, snapkeepd, azure_sim, results):
    """20 disks, 5 rounds, last: 3: exactly 3 of each stay, and nothing else is touched"""
    sim = Sim(azure_sim, folder, '--disks', 20, '--operation-ms', 100, '--linger-ms', 0, '--no-limits')
    strangers = [
        {'id': snapshot_id('by-hand'), 'sourceResourceId': disk_id('disk-0001')},
        {'id': snapshot_id('our-tags-another-name'), 'sourceResourceId': disk_id('disk-0001'),
         'tags': our_tags(sim, 'test', '20200101T000000Z')},
        {'id': snapshot_id('another-owner'), 'sourceResourceId': disk_id('disk-0001'),
         'tags': our_tags(sim, 'somebody', '20200101T000000Z')},
    ]
    sim.post('/sim/world/add', {'snapshots': strangers})
    text = policy(sim, '  gold: {schedule: {every: 4s}, keep: {last: 3}}')

    # The first round, then a disk is deleted and made again under its name.
    if Daemon(snapkeepd, folder, text, '--once').wait() != 0:
        raise AssertionError('the first round did not end well')
    old = {d['uniqueId'] for d in sim.get('/sim/world')['disks'] if 'disk-0002' in d['id']}.pop()
    n_old = sum(s['sourceUniqueId'] == old for s in sim.snapshots())
    sim.post('/sim/world/recreate-disk', {'id': disk_id('disk-0002')})

    daemon = Daemon(snapkeepd, folder, text)
    kept = 20 * 3 + len(strangers) + n_old
    wait_for(lambda: (s := sim.stats()['effects'])['created'] >= 20 * 6 and s['alive'] == kept,
             120, 'six rounds that leave three of each')
    if daemon.stop() != 0:
        raise AssertionError('SIGTERM is no failure')

    snapshots = sim.snapshots()
    for disk in sim.get('/sim/world')['disks']:
        mine = [s for s in complete(snapshots, owner='test')
                if s['sourceUniqueId'] == disk['uniqueId'] and s['id'] != strangers[1]['id']]
        slots = {s['tags']['snapkeep-slot'] for s in mine}
        if len(mine) != 3 or len(slots) != 3:
            raise AssertionError(f'{disk["id"]} has {len(mine)} snapshots of {len(slots)} slots')
    ids = {s['id'].lower() for s in snapshots}
    for stranger in strangers:
        if stranger['id'].lower() not in ids:
            raise AssertionError(f'{stranger["id"]} is gone')
    if n_old == 0 or sum(s['sourceUniqueId'] == old for s in snapshots) != n_old:
        raise AssertionError('the old generation of disk-0002 was touched')
    sim.end()


def next_slot():
    """Waits for the beginning of a slot; returns its text and its end."""
    now = time.time()
    slot = (int(now) // EVERY + 1) * EVERY
    time.sleep(slot - now + 0.02)
    return time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(slot)), slot + EVERY


def check_after_kill(sim, slot, where):
    """Both disks have the slot once and complete, the one before it, and at most one more, which was
    to be deleted when the newest was found still under way."""
    wait_for(lambda: not any(s.get('provisioningState') == 'Updating' for s in sim.snapshots()), 10,
             'the end of every operation')
    snapshots = complete(sim.snapshots(), owner='test')
    for disk in sim.get('/sim/world')['disks']:
        slots = sorted(s['tags']['snapkeep-slot'] for s in snapshots
                       if s['sourceUniqueId'] == disk['uniqueId'])
        if slots.count(slot) != 1 or len(slots) != len(set(slots)) or len(slots) not in (2, 3):
            raise AssertionError(f'{where}, slot {slot}: {disk["id"]} has {slots}')


def since(sim, before):
    """Requests by kind since then, without those that did not occur."""
    return {k: n - before[k] for k, n in sim.stats()['by_kind'].items() if n > before[k]}


def killed_rounds(folder, snapkeepd, azure_sim, when, operation_ms):
    """Kills the daemon at the first, second, ... request of a round. Returns the kinds killed at, and
    the requests of the first round that came to its end."""
    sim = Sim(azure_sim, folder, '--disks', 2, '--operation-ms', operation_ms, '--linger-ms', 0,
              '--no-limits')
    text = policy(sim, f'  gold: {{schedule: {{every: {EVERY}s}}, keep: {{last: 2}}}}')
    for _ in range(2):
        next_slot()
        Daemon(snapkeepd, folder, text, '--once').wait()

    kinds, whole = set(), {}
    request, late = 0, 0
    while request < 100:
        request += 1
        slot, end = next_slot()
        before = sim.stats()['by_kind']
        sim.post('/sim/hold', {'request': request, 'when': when})
        daemon = Daemon(snapkeepd, folder, text, '--once')
        wait_for(lambda: sim.stats()['held'] or daemon.process.poll() is not None, 30, 'the request')
        held = sim.stats()['held']
        daemon.kill()
        sim.post('/sim/release', {})
        if not held:
            whole = since(sim, before)
            break
        kinds |= set(since(sim, before))
        if Daemon(snapkeepd, folder, text, '--once').wait() != 0:
            raise AssertionError(f'the round after a kill {when} request {request} did not end well')
        if time.time() >= end and late < 20:
            # A slow machine: the restart came in the next slot, where this one is missed by right.
            Daemon(snapkeepd, folder, text, '--once').wait()
            request, late = request - 1, late + 1
            continue
        check_after_kill(sim, slot, f'killed {when} request {request}')
    sim.end()
    return kinds, whole


# Every request of a round in which the listing finds all creates complete: a token, disks, snapshots,
# two PUTs, each after a look at its name, the listing that confirms them, and per disk the survivor,
# the victim and its DELETE.
ROUND = {'token': 1, 'list_disks': 1, 'list_snapshots': 2, 'put_snapshot': 2, 'get_snapshot': 6,
         'delete_snapshot': 2}
# The listing comes 2 s after the PUTs, as nothing was learned yet: it shows the slow ones under way.
FAST_MS, SLOW_MS = 50, 2600


def check_killed(kinds, whole, slow):
    """Every kind was killed at, and the round was what it is taken for."""
    for kind in [*ROUND, *(['get_operation'] if slow else [])]:
        if kind not in kinds:
            raise AssertionError(f'no round was killed at {kind}')
    # How often a slow operation is polled, and what is left to delete then, depends on the machine.
    if not slow and whole != ROUND:
        raise AssertionError(f'a round is {whole} in place of {ROUND}')


KILLS = {
    'kill -9 before the effect of every request of a round': ('before', FAST_MS),
    'kill -9 after the effect of every request of a round': ('after', FAST_MS),
    'kill -9 before the effect of every request, operations being slow': ('before', SLOW_MS),
    'kill -9 after the effect of every request, operations being slow': ('after', SLOW_MS),
}


def run_kills(snapkeepd, azure_sim, name):
    try:
        with tempfile.TemporaryDirectory(prefix='snapkeep-test-') as folder:
            return killed_rounds(folder, snapkeepd, azure_sim, *KILLS[name])
    finally:
        end_all()


def kill_test(name):
    def test(folder, snapkeepd, azure_sim, results):
        check_killed(*results[name].result(), slow=KILLS[name][1] == SLOW_MS)
    test.__doc__ = f'{name}: no slot twice, none missing'
    return test


for title in KILLS:
    tap(kill_test(title))


def main():
    snapkeepd, azure_sim = sys.argv[1:]
    # Mostly they wait for slots: all at once.
    with concurrent.futures.ThreadPoolExecutor(len(KILLS)) as pool:
        return tap.main(snapkeepd, azure_sim, {name: pool.submit(run_kills, snapkeepd, azure_sim, name)
                                               for name in KILLS})


if __name__ == '__main__':
    sys.exit(main())
