#!/usr/bin/env python3
"""simulate: what snapkeepctl simulate says of policies whose outcome can be worked out by hand.

    simulate.py SNAPKEEPCTL        as TAP
"""
import json
import os
import pty
import re
import subprocess
import sys

from rig import COMPUTE, PREFIX, SUBSCRIPTION, Tap, disk_id

CTL = sys.argv[1]
OTHER = '21111111-1111-4111-8111-111111111111'
tap = Tap()


def ctl(*arguments, **environment):
    """Returns (status, stdout, stderr)."""
    variables = {'PATH': os.environ['PATH'], 'TZ': 'Europe/Stockholm', **environment}
    for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
        if name in os.environ:
            variables[name] = os.environ[name]
    run = subprocess.run([CTL, 'simulate', *map(str, arguments)], capture_output=True, timeout=250,
                         env=variables, check=False)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def same(found, wanted, what=''):
    if found != wanted:
        raise AssertionError(f'{what}: {found!r} in place of {wanted!r}')


def has(text, part):
    if part not in text:
        raise AssertionError(f'no {part!r} in {text!r}')


def write(folder, policies, targets=None, safety='{prune: auto, min_keep: 1, min_age: 0s}'):
    """A policy file whose jitter is 0, over a match of each policy unless targets are given."""
    path = os.path.join(folder, 'policy.yaml')
    names = [line.split(':')[0].strip() for line in policies.splitlines()]
    targets = targets or [f'{{policy: {name}, match: {{subscription: {SUBSCRIPTION}, groups: [rg-app]}}}}'
                          for name in names]
    with open(path, 'w') as file:
        file.write('version: 1\nowner: prod-backup\nazure: {cloud: public, identity: managed}\n'
                   'defaults: {snapshot_group: rg-snapshots, jitter: 0s}\n'
                   f'safety: {safety}\npolicies:\n{policies}\ntargets:\n'
                   + ''.join(f'  - {target}\n' for target in targets))
    return path


def simulate(path, *arguments, status=0):
    code, out, err = ctl('--policy', path, '--json', *arguments)
    same(code, status, f'{arguments}: {err}')
    return json.loads(out)


def limit(answer, name):
    return next(one for one in answer['limits'] if one['name'] == name)


@tap
def by_hand(folder):
    """every 6 hours, the last 4 kept, for 10 days: numbers worked out by hand"""
    answer = simulate(write(folder, '  gold: {schedule: {every: 6h}, keep: {last: 4}}'), '--days', 10)
    [gold] = answer['policies']
    # Three disks, four slots a day, the first at the first instant; the last four of each stay.
    same({name: gold[name] for name in ('disks', 'slots', 'taken', 'missed', 'open', 'created', 'failed',
                                        'deleted', 'alive')},
         {'disks': 3, 'slots': 120, 'taken': 120, 'missed': 0, 'open': 0, 'created': 120, 'failed': 0,
          'deleted': 108, 'alive': 12}, 'the policy')
    same(gold['kept_by'], {'last': 12, 'min_keep': 3}, 'reasons')
    same([(day['shortest'], day['median'], day['longest'], day['alive']) for day in answer['by_day']],
         [(4, 4, 4, 12)] * 10, 'chains')
    same([(day['created'], day['deleted']) for day in answer['by_day']], [(12, 0)] + [(12, 12)] * 9,
         'created and deleted')
    same(sum(day['requests'] for day in answer['by_day']), answer['requests']['total'], 'requests')
    same(sum(answer['requests']['by_kind'].values()), answer['requests']['total'], 'requests by kind')
    same(answer['requests']['by_kind']['delete_snapshot'], 108, 'deletions asked for')
    same([disk['chain'] for disk in answer['disks']], [4, 4, 4], 'chains at the end')
    # Three are due in the same second; a chain has five between a creation and the deletion after it.
    same(answer['queue']['longest'], 3, 'queue')
    same((limit(answer, 'chain_full')['most'], limit(answer, 'chain_full')['state']), (5, 'never'),
         'the chain')
    same((answer['doubts'], answer['standing'], answer['told']), ([], [], []), 'doubts')


@tap
def shape(folder):
    """the members of the JSON, by name"""
    answer = simulate(write(folder, '  gold: {schedule: {every: 12h}, keep: {daily: 2}}'), '--days', 3,
                      '--seed', 7, '--disks', 2)
    same(sorted(answer), sorted('version file accepted seed days faults from to disks policies by_day '
                                'requests queue doubts standing answered told limits'.split()), 'all')
    same((answer['version'], answer['seed'], answer['days'], answer['accepted'], answer['faults']),
         (1, 7, 3, True, 'none'), 'options')
    same((answer['from'], answer['to']), ('2026-11-02T00:00:00Z', '2026-11-05T00:00:00Z'), 'time')
    same(sorted(answer['disks'][0]), sorted('id sku policies chain'.split()), 'disk')
    same(sorted(answer['policies'][0]),
         sorted('name disks slots taken missed open created failed deleted alive kept_by '
                'longest_wait_s'.split()), 'policy')
    same(sorted(answer['by_day'][0]),
         sorted('day from shortest median longest alive created deleted requests'.split()), 'day')
    same(sorted(answer['requests']),
         sorted('total by_kind per_cycle by_status repeated throttled faults'.split()), 'requests')
    same(sorted(answer['queue']), sorted('longest longest_at longest_wait_s most_in_flight'.split()),
         'queue')
    same([one['name'] for one in answer['limits']],
         'chain_warning chain_critical chain_full burst arm_reads arm_writes arm_deletes creates_3min '
         'creates_30min deletes_3min deletes_30min gets_3min gets_30min lists_3min lists_30min'.split(),
         'limits')
    for one in answer['limits']:
        same(sorted(one), sorted('name limit most state day at not_before disk'.split()), one['name'])


@tap
def full_chain(folder):
    """every 5 minutes and no keep: the slots that fill the chain, in the run and ahead of it"""
    path = write(folder, '  gold: {schedule: {every: 5m}}')
    # The n-th snapshot is that of minute 5 (n - 1).
    wanted = {'chain_warning': (2, '2026-11-03T09:15'), 'chain_critical': (2, '2026-11-03T13:25'),
              'chain_full': (2, '2026-11-03T17:35')}
    for days, state in ((2, 'met'), (1, 'ahead')):
        answer = simulate(path, '--days', days, '--disks', 1)
        for name, (day, minute) in wanted.items():
            found = limit(answer, name)
            same((found['state'], found['day'], found['at'][:16]), (state, day, minute), name)
            same(found['disk'], disk_id('disk-1-1'), name)
    answer = simulate(path, '--days', 2, '--disks', 1)
    [gold] = answer['policies']
    # Of 576 slots 500 find room; the last one could still be filled.
    same([gold[name] for name in ('slots', 'taken', 'missed', 'open', 'alive')],
         [576, 500, 75, 1, 500], 'slots')
    same(gold['kept_by'], {'no_keep': 500}, 'reasons')
    same([doubt['doubt'] for doubt in answer['doubts']], [], 'doubts')
    same({told['reason'] for told in answer['told']}, {'chain-long', 'chain-critical'}, 'told')
    same(limit(answer, 'burst')['state'], 'never', 'burst')


@tap
def ahead(folder):
    """a rule that lets a chain grow for a year: the day of the limit, from a few days"""
    # On day d there are d of the days before and of this one, with the newest at most one more.
    path = write(folder, '  gold: {schedule: {every: 12h}, keep: {daily: 430}}')
    answer = simulate(path, '--days', 3, '--disks', 1)
    found = limit(answer, 'chain_warning')
    same((found['state'], found['day'], found['at']), ('ahead', 399, '2027-12-05T00:00:00Z'), 'warning')
    same([limit(answer, name)['state'] for name in ('chain_critical', 'chain_full')], ['never'] * 2,
         'what the rule cannot come to')
    # With 500 a day apart and nothing let go the day is the slot's number.
    path = write(folder, '  gold: {schedule: {every: 24h}}')
    found = limit(simulate(path, '--days', 1, '--disks', 1), 'chain_full')
    same((found['state'], found['day']), ('ahead', 500), 'full')


@tap
def burst(folder):
    """seven snapshots of a disk in five minutes, by policies that fall together"""
    path = write(folder, '\n'.join(f'  p{i}: {{schedule: {{every: 6h}}, keep: {{last: 2}}}}'
                                   for i in range(7)))
    answer = simulate(path, '--days', 1, '--disks', 1)
    # Seven matches of one disk each, and each disk is selected by all seven.
    same({len(disk['policies']) for disk in answer['disks']}, {7}, 'policies of a disk')
    found = limit(answer, 'burst')
    same((found['state'], found['day'], found['most']), ('met', 1, 7), 'burst')
    # Five within five minutes, and one half an hour later.
    path = write(folder, '\n'.join(f'  p{m}: {{schedule: {{every: 6h, offset: {m}m}}, catch_up: none, '
                                   'keep: {last: 2}}'
                                   for m in (0, 1, 2, 3, 4, 34)))
    same((limit(simulate(path, '--days', 1, '--disks', 1), 'burst')['most']), 5, 'spread')


@tap
def fleet(folder):
    """disks by id as they are named, for a match by its groups, tags and expect"""
    named = f'/subscriptions/{OTHER}/resourceGroups/RG-Db/{COMPUTE}/disks/db01-data'
    path = write(
        folder, '  gold: {schedule: {every: 6h}, keep: {last: 2}}\n  slow: {schedule: {every: 12h}}',
        [f'{{policy: gold, match: {{subscription: {SUBSCRIPTION}, groups: [rg-*-prod, rg-one], '
         'tags: {backup: gold, tier: "1"}, except_tags: {backup: "off"}}, expect: ">=4"}',
         f'{{policy: slow, disks: [{named}]}}', f'{{policy: gold, disks: [{named}]}}'])
    answer = simulate(path, '--days', 2)
    same({disk['id']: disk['policies'] for disk in answer['disks']},
         {named: ['gold', 'slow'],
          **{f'{PREFIX}/{group}/{COMPUTE}/disks/disk-1-{i + 1}': ['gold']
             for i, group in enumerate(['rg-sim-prod', 'rg-one'] * 2)}}, 'disks')
    same(len({disk['sku'] for disk in answer['disks']}) > 1, True, 'kinds')
    same([(one['name'], one['disks'], one['slots'], one['taken']) for one in answer['policies']],
         [('gold', 5, 40, 40), ('slow', 1, 4, 4)], 'policies')
    same(answer['standing'], [], 'doubts at the end')
    same(len(simulate(path, '--days', 1, '--disks', 6)['disks']), 7, '--disks')


@tap
def asked(folder):
    """the question of prune: ask is answered, and what it held back goes"""
    answer = simulate(write(folder, '  gold: {schedule: {every: 6h}, keep: {last: 2}}',
                            safety='{prune: ask, min_keep: 1, min_age: 0s}'), '--days', 3)
    same((answer['answered'], answer['policies'][0]['alive'], answer['standing']), (1, 6, []), 'asked')


@tap
def floors(folder):
    """what keeps snapshots: floors beside the rule, and prune: off"""
    path = write(folder, '  gold: {schedule: {every: 6h}, keep: {last: 2}}',
                 safety='{prune: auto, min_keep: 3, min_age: 24h}')
    [gold] = simulate(path, '--days', 3, '--disks', 1)['policies']
    # At the end of a day its four slots, the first some 24 hours ago, are too young.
    same((gold['alive'], gold['kept_by']), (4, {'last': 2, 'min_keep': 3, 'min_age': 4}), 'floors')
    path = write(folder, '  gold: {schedule: {every: 6h}, keep: {last: 2}}', safety='{prune: off}')
    [gold] = simulate(path, '--days', 3, '--disks', 1)['policies']
    same((gold['alive'], gold['deleted'], gold['kept_by']), (12, 0, {'prune_off': 12}), 'prune off')


@tap
def determinism(folder):
    """the same policy and seed give the same bytes, another seed gives others"""
    path = write(folder, '  gold: {schedule: {every: 1h}, keep: {last: 5, daily: 3}}')
    for faults in ('none', 'many'):
        options = ('--policy', path, '--days', 5, '--faults', faults, '--seed')
        first = ctl(*options, 3, '--json')
        same(first[0], 0, first[2])
        same(ctl(*options, 3, '--json', TZ='America/St_Johns', LC_ALL='C.UTF-8'), first, 'JSON')
        same(ctl(*options, 4, '--json') == first, False, 'another seed')
        same(ctl(*options, 3, '--utc'), ctl(*options, 3, '--utc', TZ='Asia/Tokyo'), 'text')


@tap
def faults(folder):
    """with faults every slot is still taken, and the answer says what they did"""
    path = write(folder, '  gold: {schedule: {every: 1h}, keep: {last: 5}}')
    answer = simulate(path, '--days', 10, '--faults', 'many')
    [gold] = answer['policies']
    same(gold['slots'], 3 * 240, 'slots')
    same(gold['taken'] + gold['missed'] + gold['open'], gold['slots'], 'sum')
    same(gold['taken'] >= 0.98 * gold['slots'], True, f'taken {gold["taken"]}')
    same(answer['requests']['faults'] > 100, True, 'faults')
    same('listing' in {doubt['doubt'] for doubt in answer['doubts']}, True, 'doubts')
    same(len(answer['told']) > 0, True, 'told')
    # Some snapshots come when the next slot is due already: each slot is counted once all the same.
    often = write(folder, '  gold: {schedule: {every: 5m}, keep: {last: 4}}')
    for seed in (1, 2, 3):
        [gold] = simulate(often, '--days', 10, '--faults', 'many', '--seed', seed)['policies']
        same((gold['slots'], gold['taken'] + gold['missed'] + gold['open']), (8640, 8640), 'sum')
        same((0 <= gold['open'] <= 3, gold['taken'] <= gold['created'] - gold['failed']), (True, True),
             f'open {gold["open"]}, taken {gold["taken"]}')
    path = write(folder, '  gold: {schedule: {every: 1h}, keep: {last: 5}}')
    some = simulate(path, '--days', 10, '--faults', 'some')['requests']['faults']
    same(0 < some < answer['requests']['faults'], True, f'some: {some}')


@tap
def text(folder):
    """the answer for people: tables with their headings, no control characters"""
    path = write(folder, '  gold: {schedule: {every: 6h}, keep: {last: 4}}')
    status, out, err = ctl('--policy', path, '--days', 40, '--utc')
    same((status, err), (0, ''), 'status')
    has(out, '40 days from 2026-11-02T00:00:00Z to 2026-12-12T00:00:00Z, seed 1, faults: none\n'
             '3 disks in 1 subscription,')
    has(out, 'POLICY  DISKS  SLOTS  TAKEN  MISSED  DELETED  ALIVE  KEPT BY\n'
             'gold        3    480    480       0      468     12  last 12, min_keep 3\n')
    days = [line.split()[0] for line in out.split('ends of days:\n')[1].split('\n\n')[0].splitlines()]
    same((len(days), days[:2], days[-1]), (17, ['DAY', '1'], '40'), 'days')
    has(out, 'No doubt kept a snapshot from being deleted.')
    same(re.search(r'^ +500  snapshots of a disk: Azure takes no more +5  never +-$', out, re.M) is not None,
         True, 'the limit')
    same([c for c in out if ord(c) < 32 and c != '\n'], [], 'control characters')
    status, out, err = ctl('--policy', path, '--days', 1)
    has(out, 'from 2026-11-02T01:00:00+01:00 to')


@tap
def progress(folder):
    """progress goes to a terminal alone, is wiped at the end, and changes nothing of the answer"""
    path = write(folder, '  gold: {schedule: {every: 6h}, keep: {last: 4}}')
    arguments = [CTL, 'simulate', '--policy', path, '--days', '20', '--json']
    quiet = subprocess.run(arguments, capture_output=True, timeout=60, check=True)
    same(quiet.stderr, b'', 'without a terminal')
    master, slave = pty.openpty()
    run = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=slave, timeout=60, check=True)
    os.close(slave)
    said = os.read(master, 65536).decode()
    os.close(master)
    has(said, '\rday 10 of 20, 50 %')
    same(said.endswith('\r\033[K'), True, said[-20:])
    same(run.stdout, quiet.stdout, 'the answer')


@tap
def refusals(folder):
    """wrong options, files and policies: what is said, and the exit status"""
    path = write(folder, '  gold: {schedule: {every: 6h}, keep: {last: 4}}')
    for arguments, message in [
            (['--days', '0'], '--days is a whole number from 1 to 36500, and "0" is none'),
            (['--days', '36501'], '--days is'),
            (['--days', '1x'], '"1x" is none'),
            (['--seed', '-1'], '--seed is a whole number from 0'),
            (['--disks', '0'], '--disks is a whole number from 1 to 10000'),
            (['--faults', 'som'], 'did you mean some?'),
            (['--faults', 'plenty'], 'and not "plenty"'),
            (['--day', '3'], 'did you mean --days?'),
            (['--direct'], 'simulate does not take --direct'),
            (['x'], 'simulate takes no argument')]:
        status, out, err = ctl('--policy', path, *arguments)
        same((status, out), (2, ''), err)
        has(err, message)

    status, out, err = ctl('--policy', os.path.join(folder, 'missing.yaml'))
    same((status, out), (1, ''), err)
    has(err, 'missing.yaml: error: does not exist')
    path = write(folder, '  gold: {schedule: {every: 6h}, keep: {lats: 4}}')
    status, out, err = ctl('--policy', path, '--json')
    same((status, out), (1, ''), err)
    has(err, f'{path}:7:40: error: policies.gold.keep.lats: unknown key')
    has(err, 'cannot be used')


@tap
def cannot_work(folder):
    """a policy that the daemon refuses for what it comes to is simulated, with status 1"""
    path = write(folder, '  gold: {schedule: {every: 5m}, keep: {last: 600}}')
    status, out, err = ctl('--policy', path, '--json', '--days', '1', '--disks', '1')
    same(status, 1, err)
    has(err, 'error: policies.gold: a chain can come to 601 snapshots')
    has(err, 'the daemon refuses this policy')
    answer = json.loads(out)
    found = limit(answer, 'chain_full')
    same((answer['accepted'], found['state'], found['at']), (False, 'ahead', '2026-11-03T17:35:00Z'),
         'the day')


sys.exit(tap.main())
