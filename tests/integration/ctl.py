#!/usr/bin/env python3
"""ctl: what snapkeepctl prints and returns, for people, scripts and programs.

    ctl.py SNAPKEEPCTL AZURE-SIM        as TAP
"""
import datetime
import fcntl
import hashlib
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import unicodedata

from rig import PREFIX, SUBSCRIPTION, COMPUTE, Sim, Tap, disk_id, policy, snapshot_id

CTL, SIM = sys.argv[1:3]
tap = Tap()
# TAP alone goes to stdout; what azure-sim says on its own goes to stderr.
sys.stdout = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
VERBS = ['check', 'schema', 'history', 'list', 'chain', 'plan', 'explain', 'apply', 'ack', 'pause', 'resume', 'retire', 'hold', 'release', 'adopt', 'backup',
         'reload', 'calendar', 'retain']
YEAR = datetime.datetime.now(datetime.timezone.utc).year


def ctl(*arguments, stdin='', **environment):
    """Returns (status, stdout, stderr). The zone is one that is not UTC."""
    variables = {'PATH': os.environ['PATH'], 'TZ': 'Europe/Stockholm', **environment}
    for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
        if name in os.environ:
            variables[name] = os.environ[name]
    run = subprocess.run([CTL, *arguments], input=stdin.encode(), capture_output=True, timeout=60,
                         env=variables, check=False)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def same(found, wanted, what=''):
    if found != wanted:
        raise AssertionError(f'{what}: {found!r} in place of {wanted!r}')


def has(text, part):
    if part not in text:
        raise AssertionError(f'no {part!r} in {text!r}')


def good(*arguments, stdin='', **environment):
    status, out, err = ctl(*arguments, stdin=stdin, **environment)
    same((status, err), (0, ''), ' '.join(arguments))
    return out


def refused(*arguments, stdin='', status=2):
    """The message; nothing may be on stdout."""
    code, out, err = ctl(*arguments, stdin=stdin)
    same((code, out), (status, ''), f'{arguments} ({err[:300]})'[:600])
    return err


def keys(value, wanted, what):
    same(sorted(value), sorted(wanted.split()), what)


# ------------------------------------------------------------------------------------------ usage


@tap
def usage(folder):
    """unknown verbs and options are refused by name, with the near one"""
    for arguments, message in [
            ([], 'which verb?'),
            (['chekc'], 'unknown verb "chekc"; did you mean "check"?'),
            (['frobnicate'], 'unknown verb "frobnicate". Try'),
            (['backups'], 'unknown verb "backups". Try'),
            (['restore'], 'unknown verb "restore". Try'),
            (['adpot', 'x'], 'unknown verb "adpot". Try'),
            (['adopt'], 'adopt needs at least one SNAPSHOT'),
            (['backup'], 'backup needs one DISK'),
            (['--hlep'], 'did you mean --help?'),
            (['--json', 'check'], 'options of a verb follow it'),
            (['calendar', 'daily', '--timezon', 'UTC'], 'calendar: unknown option --timezon; did you mean'),
            (['calendar', 'daily', '--timezone'], '--timezone needs a value, ZONE'),
            (['calendar', 'daily', '--count='], '--count needs a value, N'),
            (['calendar', 'daily', '--json=1'], '--json takes no value'),
            (['calendar', 'daily', '--count', '1', '--count', '2'], '--count is given twice'),
            (['calendar', 'daily', '-n', '2'], 'unknown option -n'),
            (['calendar', 'Mon', '02:30'], 'calendar takes one EXPR, and "02:30" is a second'),
            (['calendar'], 'calendar needs one EXPR'),
            (['calendar', 'daily', '--direct'], 'calendar does not take --direct'),
            (['list', 'x'], 'list takes no argument'),
            (['retain'], 'retain needs --keep SPEC'),
            (['check', 'a', '--policy', 'b'], 'check takes one policy'),
            (['calendar', 'x\033[31m\u009b\n'], 'calendar event, character 1'),
            (['bad\033[31m\u009b1m'], 'unknown verb "bad?[31m??1m"'),
            ([b'b\xff\xed\xa0\x80\xf0\x9f\x92\xbe'], 'unknown verb "b????\U0001f4be"')]:
        message_found = refused(*arguments)
        has(message_found, message)
        same('\033' in message_found or '\x9b' in message_found, False, 'a control character')


@tap
def help_texts(folder):
    """--help of the program and of every verb, on stdout, with the exit statuses"""
    text = good('--help')
    for verb in VERBS:
        has(text, f'\n  {verb} ')
        own = good(verb, '--help')
        has(own, f'Usage: snapkeepctl {verb}')
        has(own, 'Exit status: 0 done; 1')
        has(own, '--json')
        same(good(verb, '-h'), own)
        text += own
    for line in text.splitlines():
        same(len(line) <= 80, True, line)
    for verb, text in [('history', '--count N               how many; 40 otherwise\n'),
                       ('calendar', '--count N               how many; 5 otherwise\n'),
                       ('backup', '--keep TIME  '), ('retain', '--keep SPEC  ')]:
        has(good(verb, '--help'), text)
    same(re.fullmatch(r'snapkeepctl \d+\.\d+\.\d+\n', good('--version')) is not None, True, 'version')


@tap
def needs_direct(folder):
    """explain says that --direct is needed, and list and chain ask the daemon without it"""
    for verb in (['list'], ['chain', 'x']):
        has(refused(*verb, '--policy', 'x'), '--policy goes with --direct')
    for verb in (['explain', 'x'],):
        message = refused(*verb)
        has(message, f'{verb[0]} needs --direct')
        same(message.count('\n'), 1, 'sentences')


@tap
def output_fails(folder):
    """a full disk, a closed output and a reader that has gone give status 1"""
    for arguments in (['schema'], ['calendar', 'minutely', '--count', '100000'], ['--help']):
        with open('/dev/full', 'w') as full:
            run = subprocess.run([CTL, *arguments], stdout=full, stderr=subprocess.PIPE, check=False)
        same(run.returncode, 1, arguments)
        has(run.stderr.decode(), 'cannot write to standard output: No space left')

        run = subprocess.run([CTL, *arguments], stderr=subprocess.PIPE, check=False,
                             preexec_fn=lambda: os.close(1))
        same(run.returncode, 1, arguments)
        has(run.stderr.decode(), 'cannot write to standard output')

        reading, writing = os.pipe()
        os.close(reading)
        run = subprocess.run([CTL, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        same((run.returncode, run.stderr), (1, b''), arguments)


# --------------------------------------------------------------------------------------- calendar


@tap
def calendar(folder):
    """calendar prints one instant a line, strictly after --from"""
    same(good('calendar', 'Mon..Fri 02:30', '--from', '2026-11-20T02:30:00Z', '--count', '2'),
         '2026-11-23T02:30:00Z\n2026-11-24T02:30:00Z\n')
    same(good('calendar', '02:30', '--timezone', 'Europe/Stockholm', '--from=2026-11-20T01:29:59Z',
              '--count=1'), '2026-11-20T01:30:00Z\n')
    same(good('calendar', '02:30 Europe/Stockholm', '--timezone', 'Asia/Kathmandu', '--from',
              '2026-11-20T03:00:00+01:00', '--count', '1'), '2026-11-21T01:30:00Z\n')
    same(good('calendar', '--count', '2', '--from', '2026-03-28T12:00:00Z', '--',
              '02:30 Europe/Stockholm'), '2026-03-29T01:00:00Z\n2026-03-30T00:30:00Z\n')
    same(len(good('calendar', 'daily').splitlines()), 5)
    first = good('calendar', 'minutely', '--count', '1').strip()
    now = datetime.datetime.now(datetime.timezone.utc)
    at = datetime.datetime.strptime(first, '%Y-%m-%dT%H:%M:%S%z')
    same(abs((at - now).total_seconds()) < 70, True, f'now is {now}, next {first}')

    answer = json.loads(good('calendar', 'Mon..Fri 2:30', '--from', '2026-11-20T02:30:00Z', '--count',
                             '2', '--json'))
    same(answer, {'version': 1, 'expression': 'Mon..Fri *-*-* 02:30:00', 'timezone': 'UTC',
                  'instants': ['2026-11-23T02:30:00Z', '2026-11-24T02:30:00Z']})


@tap
def calendar_refuses(folder):
    """calendar names the position of an error, and prints nothing"""
    for arguments, character, message in [
            (['Mon 25:00'], 5, 'the hour is 0 to 23'),
            ([''], 1, ''),
            (['Mond'], None, ''),
            (['*-02-30'], 1, 'there is no such date'),
            (['02:30 Europe/Nowhere'], 7, 'is not installed here'),
            (['02:30 ../../etc/passwd'], None, ''),
            (['daily', '--from', '2026-11-20'], 11, 'not an RFC 3339 instant'),
            (['daily', '--from', '2026-11-20T02:30:00'], 20, 'not an RFC 3339 instant'),
            (['daily', '--from', '2026-11-20T02:30:00+01:0x'], 25, 'not an RFC 3339 instant'),
            (['daily', '--from', '2026-02-30T02:30:00Z'], 1, 'there is no such instant'),
            (['daily', '--count', '0'], 1, 'from 1 to 1000000'),
            (['daily', '--count', '1000001'], 1, 'from 1 to 1000000'),
            (['daily', '--count', '-1'], 1, 'from 1 to 1000000'),
            (['daily', '--timezone', 'Europe/Nowhere'], None, 'is not installed here'),
            (['daily', '--timezone', '../UTC'], None, 'is not an IANA name'),
            (['daily', '--timezone', 'Europe'], None, 'is not installed here'),
            (['1' * 5000], None, ''),
            (['å' * 70 + ' 02:30'], 1, '')]:
        found = refused('calendar', *arguments)
        has(found, message)
        if character:
            has(found, f'character {character}: ')
            lines = found.splitlines()
            same(lines[2].index('^'), 4 + character - 1, found)


@tap
def calendar_ends(folder):
    """calendar prints what is left of an event that ends, and says so with status 1"""
    status, out, err = ctl('calendar', '2026,2027-01-01', '--from', '2026-01-01T00:00:00Z')
    same((status, out), (1, '2027-01-01T00:00:00Z\n'), err)
    has(err, 'only 1 more')
    status, out, err = ctl('calendar', '2026-01-01', '--from', '2026-01-01T00:00:00Z', '--json')
    same((status, json.loads(out)['instants']), (1, []))
    has(err, 'never elapses again')


# ----------------------------------------------------------------------------------------- retain

CHAIN = '''# two a day
2026-11-21T22:30:00Z
2026-11-21T23:30:00Z

2026-11-23T02:30:00+01:00
  2026-11-22T08:00:00.25Z\t\r
2026-11-23T09:00:00Z'''  # without an end of line


@tap
def retain(folder):
    """retain prints keep and drop, the newest first, with reasons"""
    at = ['--now', '2026-11-23T12:00:00Z']
    same(good('retain', '--keep', 'last=1,daily=2', *at, stdin=CHAIN),
         'keep 2026-11-23T09:00:00Z last 1/1\n'
         'keep 2026-11-23T01:30:00Z daily 1/2\n'
         'keep 2026-11-22T08:00:00.2500000Z daily 2/2\n'
         'drop 2026-11-21T23:30:00Z\n'
         'drop 2026-11-21T22:30:00Z\n')
    same(good('retain', '--keep', 'daily=2', '--timezone', 'Europe/Stockholm', '--pick', 'first', *at,
              stdin=CHAIN),
         'drop 2026-11-23T09:00:00Z\n'
         'keep 2026-11-23T01:30:00Z daily 1/2\n'
         'drop 2026-11-22T08:00:00.2500000Z\n'
         'keep 2026-11-21T23:30:00Z daily 2/2\n'
         'drop 2026-11-21T22:30:00Z\n')
    same(good('retain', '--keep', 'daily=1,within=8h', '--pick', 'last', *at, stdin=CHAIN).splitlines()[:2],
         ['keep 2026-11-23T09:00:00Z daily 1/1, within 8h', 'keep 2026-11-23T01:30:00Z within 8h'])
    same(good('retain', '--keep', 'last=1', '--now', '2026-11-23T02:00:00Z', stdin=CHAIN).splitlines()[:2],
         ['keep 2026-11-23T09:00:00Z dated in the future', 'keep 2026-11-23T01:30:00Z last 1/1'])
    same(good('retain', '--keep', 'last=5', *at, stdin=CHAIN + '\n' + CHAIN).count('keep'), 5)
    same(good('retain', '--keep', 'last=1', stdin=''), '')
    same(good('retain', '--keep', 'last=1', stdin='\n\n# nothing\n'), '')

    answer = json.loads(good('retain', '--keep', 'last=1,daily=1', *at, '--json', stdin=CHAIN))
    same(answer['version'], 1)
    same(answer['keep'].startswith('last=1,daily=1;pick=first;zone=UTC'), True, answer['keep'])
    same(answer['now'], '2026-11-23T12:00:00Z')
    same(answer['instants'][:3], [
        {'instant': '2026-11-23T09:00:00Z', 'keep': True, 'reasons': ['last 1/1']},
        {'instant': '2026-11-23T01:30:00Z', 'keep': True, 'reasons': ['daily 1/1']},
        {'instant': '2026-11-22T08:00:00.2500000Z', 'keep': False, 'reasons': []}])


@tap
def retain_refuses(folder):
    """retain names line and column of wrong input, and prints nothing"""
    fine = '2026-11-23T02:30:00Z\n'
    for stdin, at, message in [
            ('x\n', '1:1', 'not an RFC 3339 instant'),
            (fine + '  2026-11-23 02:30:00Z\n', '2:13', 'not an RFC 3339 instant'),
            (fine + '2026-11-23T02:30:00Z x', '2:21', 'not an RFC 3339 instant'),
            (fine + '2026-02-29T02:30:00Z\n', '2:1', 'there is no such instant'),
            (fine + '2026-11-23T02:30:60Z\n', '2:1', 'there is no such instant'),
            (fine + '2026-11-23T02:30:00.Z\n', '2:21', 'not an RFC 3339 instant'),
            (fine + '2026-11-23T02:30\0:00Z\n', '2:17', 'not an RFC 3339 instant'),
            (fine * 100000 + 'x', '100001:1', 'not an RFC 3339 instant'),
            (fine + ' ' * 4097 + '\n', '2:4097', 'longer than 4096 bytes'),
            (fine + '#' * 10000000, '2:4097', 'longer than 4096 bytes'),
            ('\n' * 1000000 + '\n', '1000001:1', 'more than 1000000 lines')]:
        has(refused('retain', '--keep', 'last=1', stdin=stdin), f'standard input:{at}: error: ')
        has(refused('retain', '--keep', 'last=1', stdin=stdin), message)
    same(good('retain', '--keep', 'last=1', stdin='#' * 4096 + '\n' + '\n' * 999998 + fine.strip()).count('\n'), 1)

    for keep, character in [('last', 5), ('dialy=3', 1), ('last=1,last=2', 8), ('last=0', 6), ('', None),
                            ('daily=30,within=2x', 17), ('last=1,', 8), ('last=1 ,daily=2', 6)]:
        found = refused('retain', '--keep', keep)
        if character:
            has(found, f'--keep, character {character}: ')
    has(refused('retain', '--keep', 'last=1', '--pick', 'middle'), 'first or last')
    run = subprocess.run([CTL, 'retain', '--keep', 'last=1'], stdin=subprocess.DEVNULL,
                         capture_output=True, check=False, preexec_fn=lambda: os.close(0))
    same((run.returncode, run.stdout), (1, b''), run.stderr)


# ------------------------------------------------------------------------------------ check, schema

POLICY = '''version: 1
owner: prod
azure: {identity: managed}
defaults: {snapshot_group: rg-snapshots, jitter: 0s}
safety: {prune: auto}
policies:
  gold: {schedule: {every: 1h}, keep: {last: 6, daily: 30}}
  bare: {schedule: {calendar: "02:30"}}
targets:
  - {policy: gold, disks: [%s]}
  - {policy: gold, match: {subscription: %s}}
  - {policy: bare, match: {subscription: %s}}
''' % (disk_id('a'), SUBSCRIPTION, SUBSCRIPTION)


def write(folder, text, name='p.yaml'):
    path = os.path.join(folder, name)
    with open(path, 'w') as file:
        file.write(text)
    return path


@tap
def check(folder):
    """check shows a valid policy's load, its warnings on stderr"""
    path = write(folder, POLICY)
    status, out, err = ctl('check', path)
    same(status, 0, err)
    has(out, f'{path}: valid, 2 policies, 3 targets')
    has(out, '1 by id, 1 match')
    has(err, f'{path}: warning: policies.bare: ')
    same(len(re.findall(r'^  \d\d:00-\d\d:00  #+ +\d+$', out, re.M)) >= 2, True, out)
    same(ctl('check', '--policy', path), (status, out, err))

    status, out, err2 = ctl('check', path, '--json')
    same((status, err2), (0, err))
    answer = json.loads(out)
    keys(answer, 'version file valid errors warnings diagnostics diagnostics_left_out policies load azure', 'check')
    same((answer['version'], answer['file'], answer['valid'], answer['errors']), (1, path, True, 0))
    same(answer['warnings'], len(answer['diagnostics']))
    keys(answer['diagnostics'][0], 'severity line column path message expected near_miss', 'diagnostic')
    gold, bare = answer['policies']
    keys(gold, 'name disks matches slots_per_day shortest_s longest_s peak burst keep prune', 'policy')
    same((gold['name'], gold['disks'], gold['matches'], gold['slots_per_day'], gold['shortest_s'],
          gold['longest_s'], gold['prune']), ('gold', 1, 1, 24.0, 3600, 3600, 'auto'))
    same(bare['peak'], None)
    keys(answer['azure'], 'arm login identity', 'azure')
    same(answer['azure']['identity']['kind'], 'managed')
    keys(answer['load'], 'creates_per_minute creates_budget_per_minute sweep_requests sweep_s hours', 'load')
    hours = answer['load']['hours']
    same(len(hours), 24)
    # Two disks each hour, and one more at half past two.
    same(sorted(hour['creates'] for hour in hours), [2] * 23 + [3])
    same([hour['creates'] for hour in hours if 'T02:' in hour['from']], [3])


@tap
def check_refuses(folder):
    """check tells all that is wrong with its place, and returns 1"""
    path = write(folder, POLICY.replace('daily', 'dialy').replace('owner: prod\n', 'ownr: prod\n'))
    err = refused('check', path, status=1)
    has(err, f'{path}:2:1: error: ownr: unknown key; did you mean "owner"?')
    has(err, f'{path}:7:')
    has(err, 'did you mean "daily"?')
    has(err, 'cannot be used: 3 errors')

    status, out, err2 = ctl('check', path, '--json')
    answer = json.loads(out)
    same((status, answer['valid'], answer['errors'], answer['policies'], answer['load'], err2),
         (1, False, 3, [], None, err))
    same(answer['azure'], None)
    same({(d['line'], d['near_miss']) for d in answer['diagnostics'] if d['near_miss']},
         {(2, 'owner'), (7, 'daily')})

    # A proof's error has no line, and a key.
    path = write(folder, POLICY.replace('last: 6,', 'last: 600,'))
    has(refused('check', path, status=1), f'{path}: error: policies.gold: ')
    status, out, err = ctl('check', path, '--json')
    same((status, json.loads(out)['valid']), (1, False), err)

    has(refused('check', os.path.join(folder, 'none'), status=1), 'none: error: does not exist')
    has(refused('check', folder, status=1), 'error: is ')
    if not os.path.exists('/etc/snapkeep/policy.yaml'):
        has(refused('check', status=1), 'snapkeepctl check FILE')
    name = os.fsencode(folder) + b'/\xff\033[1m'
    status, out, err = ctl('check', name, '--json')
    same((status, json.loads(out)['file']), (1, f'{folder}/??[1m'))


@tap
def schema(folder):
    """schema is a JSON Schema"""
    answer = json.loads(good('schema'))
    has(answer['$schema'], 'json-schema.org')
    has(answer['properties'], 'policies')
    same(good('schema', '--json'), good('schema'))


# ------------------------------------------------------------------------------------------- Azure

GENERATION = ['6fd33d6a-a035-4cac-a58d-31443622371%d' % i for i in range(4)]


def ours(disk, generation, year, name='gold', **change):
    """A snapshot of ours as the world has it: the one of New Year's Day."""
    slot = f'{year}0101T000000Z'
    tags = {'snapkeep-version': '1', 'snapkeep-owner': 'test', 'snapkeep-policy': name,
            'snapkeep-slot': slot, 'snapkeep-generation': generation,
            'snapkeep-disk': f'{SUBSCRIPTION}/rg-app/{disk}', 'snapkeep-keep': 'last=2;pick=first;zone=UTC'}
    fields = ['test', generation, name, 'westeurope']
    series = hashlib.sha256(b''.join(f.encode() + b'\0' for f in fields)).hexdigest()[:16]
    snapshot = {'id': snapshot_id(f'{disk}-{series}-{slot}'), 'sourceResourceId': disk_id(disk),
                'location': 'westeurope', 'incremental': True, 'createOption': 'Copy',
                'sourceUniqueId': generation, 'timeCreated': f'{year}-01-01T00:00:05.1234567+00:00',
                'provisioningState': 'Succeeded', 'completionPercent': 100, 'tags': tags}
    snapshot['tags'].update(change.pop('more_tags', {}))
    snapshot.update(change)
    return snapshot


def world(reason='audit'):
    """Disk a has four of ours, b none; c is not selected; d's policy is gone, and its name is hostile."""
    disks = [{'id': disk_id(name), 'location': 'westeurope', 'uniqueId': GENERATION[i],
              'tags': {} if name == 'c' else {'backup': 'yes'}} for i, name in enumerate('abcd')]
    snapshots = [ours('a', GENERATION[0], YEAR - i) for i in range(4)]
    snapshots[3]['tags']['snapkeep-hold'] = reason
    snapshots += [
        ours('c', GENERATION[2], YEAR),
        ours('d', GENERATION[3], YEAR, name='old\033[31m'),
        ours('a', GENERATION[0], YEAR - 9, id=snapshot_id('renamed-by-hand')),
        ours('a', GENERATION[0], YEAR - 5, id=snapshot_id('strangers'), tags={}),
        ours('b', GENERATION[1], YEAR - 5, id=snapshot_id('strangers', 'rg-app'), tags={})]
    return {'groups': [{'subscription': SUBSCRIPTION, 'name': name, 'location': 'westeurope'}
                       for name in ('rg-app', 'rg-snapshots')],
            'disks': disks, 'snapshots': snapshots}


class Azure:
    """azure-sim with the world above, and the policy on it."""

    def __init__(self, folder, **options):
        self.sim = Sim(SIM, folder, '--world', write(folder, json.dumps(world(**options)), 'world.json'))
        text = policy(self.sim, '  gold: {schedule: {calendar: "*-01-01 00:00"}, keep: {last: 2}}\n')
        text = text.replace(f'match: {{subscription: {SUBSCRIPTION}}}',
                            f'match: {{subscription: {SUBSCRIPTION}, tags: {{backup: "yes"}}}}')
        self.policy = write(folder, text)
        self.direct = ['--direct', '--policy', self.policy]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sim.end()


def name_of(year, disk='a', generation=0, policy_name='gold'):
    return ours(disk, GENERATION[generation], year, policy_name)['id'].rsplit('/', 1)[1]


ROW = ('kind id subscription group name generation region policy slot created state percent held hold backup disk '
       'kept_by goes why')


@tap
def list_direct(folder):
    """list shows each of ours with reasons and date of death, and counts the rest"""
    with Azure(folder) as azure:
        answer = json.loads(good('list', *azure.direct, '--json'))
        keys(answer, 'version owner now subscriptions series snapshots counts findings', 'list')
        same((answer['version'], answer['owner']), (1, 'test'))
        same([s['id'] for s in answer['subscriptions']], [SUBSCRIPTION])
        same(answer['counts'], {'ours': 4, 'unclaimed': 2, 'mistaken': 1, 'stranger': 2})
        same(sorted((f['kind'], f['count']) for f in answer['findings']), [('mistaken', 1), ('unclaimed', 2)])
        keys(answer['findings'][0], 'kind count subject text', 'finding')

        same([(s['disk'].rsplit('/', 1)[1], s['complete'], s['chain'], s['newest'] is None)
              for s in answer['series']], [('a', 4, 6, False), ('b', 0, 1, True), ('d', 0, 1, True)])
        for name in 'policy disk generation complete underway failed held chain newest due next gone'.split():
            same(name in answer['series'][0], True, name)
        same(answer['series'][0]['next'], f'{YEAR + 1}-01-01T00:00:00Z')
        same(answer['series'][0]['due'], None)
        same(answer['series'][1]['due'], f'{YEAR}-01-01T00:00:00Z')

        rows = answer['snapshots']
        for row in rows:
            keys(row, ROW + ' claimed_by', 'snapshot')
            same(row['claimed_by'], 'gold')
        same([(row['name'], row['kept_by']) for row in rows],
             [(name_of(YEAR), ['last 1/2', 'min_keep']), (name_of(YEAR - 1), ['last 2/2']),
              (name_of(YEAR - 2), ['superseded']), (name_of(YEAR - 3), ['held'])])
        same([row['goes'] for row in rows[:2]] + [rows[2]['goes'] <= answer['now'], rows[3]['goes']],
             [f'{YEAR + 2}-01-01T00:00:00Z', f'{YEAR + 1}-01-01T00:00:00Z', True, None])
        same({k: rows[0][k] for k in ('kind', 'id', 'group', 'slot', 'created', 'state', 'percent', 'held',
                                      'disk', 'why', 'policy', 'generation', 'region')},
             {'kind': 'ours', 'id': snapshot_id(name_of(YEAR)), 'group': 'rg-snapshots',
              'slot': f'{YEAR}-01-01T00:00:00Z', 'created': f'{YEAR}-01-01T00:00:05.1234567Z',
              'state': 'complete', 'percent': 100, 'held': False, 'disk': disk_id('a'), 'why': None,
              'policy': 'gold', 'generation': GENERATION[0], 'region': 'westeurope'})

        # For people: local time, or UTC when asked.
        text = good('list', *azure.direct)
        has(text, f'rg-app/a  policy gold  generation {GENERATION[0]}  4 snapshots')
        has(text, f'rg-app/b  policy gold  generation {GENERATION[1]}  0 snapshots')
        has(text, f'{YEAR}-01-01T01:00:00+01:00  complete  last 1/2, min_keep  {YEAR + 2}-01-01T01:00:00+01:00')
        has(text, '4 snapshots of ours in 3 series; beside them 2 unclaimed, 1 mistaken, 2 of others')
        has(text, 'Notice: 1 snapshot with our owner tag but not our name')
        text = good('list', *azure.direct, '--utc')
        has(text, f'{YEAR}-01-01T00:00:00Z  complete  last 1/2, min_keep  {YEAR + 2}-01-01T00:00:00Z')
        same(re.findall(r'(\S+) +\S+ +\S+$', '\n'.join(l for l in text.splitlines() if 'superseded' in l)),
             ['now'])


@tap
def closed_output(folder):
    """with its output closed list writes into nothing else that it opens"""
    with Azure(folder) as azure:
        run = subprocess.run([CTL, 'list', *azure.direct], stderr=subprocess.PIPE, check=False,
                             preexec_fn=lambda: os.close(1))
        same((run.returncode, run.stderr),
             (1, b'snapkeepctl: cannot write to standard output: Bad file descriptor\n'))


@tap
def list_unclaimed(folder):
    """list --unclaimed shows those that nothing selects and why, and no control character"""
    with Azure(folder) as azure:
        answer = json.loads(good('list', *azure.direct, '--unclaimed', '--json'))
        rows = {row['name']: row for row in answer['snapshots']}
        same(sorted(rows), sorted([name_of(YEAR, 'c', 2), name_of(YEAR, 'd', 3, 'old\033[31m')]))
        c, d = rows[name_of(YEAR, 'c', 2)], rows[name_of(YEAR, 'd', 3, 'old\033[31m')]
        keys(c, ROW + ' claimed_by', 'snapshot')
        same(c['claimed_by'], None)
        same((c['kind'], c['kept_by'], c['goes']), ('unclaimed', ['unclaimed'], None))
        has(c['why'], 'no target of policy "gold" selects the disk rg-app/c')
        has(d['why'], 'the policy file has no policy "old?[31m"')
        text = good('list', *azure.direct, '--unclaimed')
        has(text, 'old?[31m')
        has(text, f'rg-app/c  {GENERATION[2]}  rg-snapshots/{name_of(YEAR, "c", 2)}')
        same('\033' in text, False, 'an escape')
        same('superseded' in text, False, 'those that are claimed')


@tap
def chain_direct(folder):
    """chain shows everybody's snapshots of a disk, and which count for the limit"""
    with Azure(folder) as azure:
        answer = json.loads(good('chain', 'A', *azure.direct, '--json'))
        keys(answer, 'version now chains', 'chain')
        same(len(answer['chains']), 1)
        chain = answer['chains'][0]
        keys(chain, 'disk generation region chain limit snapshots', 'chain')
        same((chain['disk'], chain['generation'], chain['chain'], chain['limit']),
             (disk_id('a'), GENERATION[0], 6, 500))
        kinds = sorted(row['kind'] for row in chain['snapshots'])
        same(sum(row['counts'] for row in chain['snapshots']), 6)
        same([kinds.count(kind) for kind in ('ours', 'mistaken')], [4, 1])
        for row in chain['snapshots']:
            same(row['kind'] == 'ours', row['why'] is None, row['name'])
        for name in ('rg-app/a', disk_id('a')):
            same(json.loads(good('chain', name, *azure.direct, '--json'))['chains'][0]['chain'], 6)

        text = good('chain', 'a', *azure.direct, '--utc')
        has(text, f'rg-app/a  generation {GENERATION[0]}  westeurope  6 of 500 in the chain')
        for part in ('policy gold', 'mistaken', 'stranger', f'{YEAR}-01-01T00:00:00Z'):
            has(text, part)
        status, out, err = ctl('chain', 'nosuch', *azure.direct)
        same((status, out), (1, ''), 'no such disk')
        has(err, 'no disk nosuch is in the subscriptions')


@tap
def plan_direct(folder):
    """plan shows creates and deletes with reasons, and nothing is done"""
    with Azure(folder) as azure:
        answer = json.loads(good('plan', *azure.direct, '--json'))
        keys(answer, 'version owner now hash subscriptions actions next findings', 'plan')
        same(answer['version'], 1)
        same(answer['next'], f'{YEAR + 1}-01-01T00:00:00Z')
        same([(a['do'], a['disk'], a['slot'], a['reason']) for a in answer['actions']],
             [('create', disk_id('b'), f'{YEAR}-01-01T00:00:00Z', f'slot {YEAR}-01-01T00:00:00Z is due'),
              ('create', disk_id('d'), f'{YEAR}-01-01T00:00:00Z', f'slot {YEAR}-01-01T00:00:00Z is due'),
              ('delete', None, f'{YEAR - 2}-01-01T00:00:00Z', 'superseded under last=2;pick=first;zone=UTC')])
        for action in answer['actions']:
            keys(action, 'do policy snapshot generation slot attempt reason disk created retired blocked done text',
                 'action')
        same(answer['actions'][2]['snapshot'], snapshot_id(name_of(YEAR - 2)))

        text = good('plan', *azure.direct, '--utc')
        has(text, 'To create: 2 snapshots')
        has(text, 'To delete: 1 snapshot\n')
        has(text, name_of(YEAR - 2))
        has(text, f'The next slot starts at {YEAR + 1}-01-01T00:00:00Z.')

        good('list', *azure.direct)
        good('explain', name_of(YEAR - 2), *azure.direct)
        same(len(azure.sim.snapshots()), len(world()['snapshots']))
        methods = azure.sim.stats()['by_method']
        same([name for name, n in methods.items() if n], ['GET'], 'methods')


@tap
def explain_direct(folder):
    """explain says what a snapshot is, by name, group and name, or id"""
    with Azure(folder) as azure:
        newest = name_of(YEAR)
        answer = json.loads(good('explain', newest, *azure.direct, '--json'))
        keys(answer, 'version now ' + ROW, 'explain')
        same((answer['version'], answer['kind'], answer['kept_by'], answer['goes'], answer['why']),
             (1, 'ours', ['last 1/2', 'min_keep'], f'{YEAR + 2}-01-01T00:00:00Z', None))
        for name in (newest.upper(), f'RG-Snapshots/{newest}', snapshot_id(newest),
                     snapshot_id(newest).upper().replace('SUBSCRIPTIONS', 'subscriptions')):
            same(json.loads(good('explain', name, *azure.direct, '--json'))['id'], answer['id'])

        text = good('explain', newest, *azure.direct, '--utc')
        for part in ('is:         ours', 'kept by:    last 1/2, min_keep', f'goes:       {YEAR + 2}-01-01T00',
                     'rule:       last=2', 'policy:     gold', 'disk:       rg-app/a', 'state:      complete'):
            has(text, part)
        has(good('explain', name_of(YEAR - 2), *azure.direct), 'goes:       with the next deletions')
        has(good('explain', name_of(YEAR - 3), *azure.direct), 'goes:       never, as things are')

        for name, kind, why in [
                ('renamed-by-hand', 'mistaken', 'its name is not the one'),
                ('rg-snapshots/strangers', 'stranger', 'no tag snapkeep-owner of "test"'),
                (name_of(YEAR, 'c', 2), 'unclaimed', 'no target of policy "gold"')]:
            answer = json.loads(good('explain', name, *azure.direct, '--json'))
            keys(answer, 'version now ' + ROW, 'explain')
            same((answer['kind'], answer['goes'], answer['kept_by']), (kind, None, [kind]))
            has(answer['why'], why)
            has(good('explain', name, *azure.direct), f'because:    ')

        # What a disk has left where it was moved from goes on elsewhere, and is said to.
        other = '22222222-2222-4222-8222-222222222222'
        azure.sim.post('/sim/world/add', {'groups': [{'subscription': other, 'name': 'rg-app', 'location': 'westeurope'}]})
        azure.sim.post('/sim/world/move-disk', {'id': disk_id('a'), 'subscription': other})
        both = write(folder, open(azure.policy, encoding='utf-8').read().replace(
            'targets:\n', f'targets:\n  - {{policy: gold, match: {{subscription: {other}}}}}\n'), 'both.yaml')
        moved = f'its disk was moved and goes on under policy gold as {other}/rg-app/a: retire leaves it'
        has(json.loads(good('explain', newest, '--direct', '--policy', both, '--json'))['why'], moved)
        has(good('list', '--unclaimed', '--direct', '--policy', both), moved)
        azure.sim.post('/sim/world/move-disk', {'id': disk_id('a').replace(SUBSCRIPTION, other), 'subscription': SUBSCRIPTION})

        err = refused('explain', 'strangers', *azure.direct)
        has(err, '2 snapshots have this name')
        has(err, snapshot_id('strangers', 'rg-app'))
        has(err, snapshot_id('strangers'))
        has(refused('explain', 'nobody', *azure.direct, status=1), 'no snapshot nobody')
        has(refused('explain', disk_id('a'), *azure.direct), "it is a disk's")
        has(refused('explain', '/subscriptions/x', *azure.direct), "not a snapshot's ARM id")
        has(refused('explain', 'a/b/c', *azure.direct), 'GROUP/NAME')
        has(refused('explain', 'a/', *azure.direct), 'GROUP/NAME')


@tap
def azure_fails(folder):
    """an Azure that cannot be read gives status 1, what to do, and no answer"""
    with Azure(folder) as azure:
        path = azure.policy
        # An identity that does not exist: no token.
        text = open(path).read()
        other = write(folder, text.replace('identity: managed', 'identity: {service_principal: {tenant: '
                                           'contoso.onmicrosoft.com, client: '
                                           '01234567-89ab-cdef-0123-456789abcdef, secret: none}}'), 'o.yaml')
        err = refused('list', '--direct', '--policy', other, status=1)
        has(err, 'the systemd credential "none" cannot be read')
        has(err, 'check azure.identity')
        # A subscription that is not there beside one that is: the answer has the one.
        part = write(folder, text.replace('targets:\n', 'targets:\n  - {policy: gold, match: {subscription: '
                                          '22222222-2222-4222-8222-222222222222}}\n'), 'part.yaml')
        status, out, err = ctl('list', '--direct', '--policy', part)
        same(status, 1, err)
        has(out, '4 snapshots of ours')
        same(err.count('1 of 2 subscriptions could not be read and is not in the answer\n'), 1, err)
        has(err, '22222222-2222-4222-8222-222222222222 cannot be read (code SubscriptionNotFound')
        same('go on' in err or 'until it can' in err, False, err)
        # One that is to be let alone is not waited for.
        azure.sim.post('/sim/world/away', {'away': 'throttled', 'retry_after': 3000})
        err = refused('list', *azure.direct, status=1)
        has(err, 'Azure asks to be let alone for a while: try again later')
        same(err.count('1 of 1 subscription could not be read and is not in the answer\n'), 1, err)
        azure.sim.post('/sim/world/away', {'away': 'here'})
    for verb in (['list'], ['plan'], ['explain', 'x']):
        err = refused(*verb, '--direct', '--policy', path, status=1)
        has(err, 'check azure.identity of the policy')
        has(err, 'nothing can be read or done in Azure: no token')
    status, out, err = ctl('list', '--direct', '--policy', path, '--json')
    answer = json.loads(out)
    same((status, answer['subscriptions'], answer['snapshots']), (1, [{'id': SUBSCRIPTION, 'read': None, 'failing': True, 'unread_disks': 0, 'unread_snapshots': 0}], []))
    has(refused('plan', '--direct', '--policy', os.path.join(folder, 'none'), status=1), 'does not exist')
    has(refused('plan', '--direct', '--policy', write(folder, 'version: 2\n', 'bad.yaml'), status=1),
        'bad.yaml:1:10: error: ')


# ---------------------------------------------------------------------------------------- terminal


def on_terminal(width, *arguments, **environment):
    """What is written to a terminal of that width."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack('HHHH', 25, width, 0, 0))
    variables = {'PATH': os.environ['PATH'], 'TZ': 'UTC', 'TERM': 'xterm', **environment}
    process = subprocess.Popen([CTL, *arguments], stdout=follower, stderr=subprocess.DEVNULL, env=variables)
    os.close(follower)
    text = b''
    while True:
        try:
            more = os.read(leader, 65536)
        except OSError:  # the last writer has gone
            break
        if not more:
            break
        text += more
    os.close(leader)
    same(process.wait(60), 0, arguments)
    return text.decode().replace('\r\n', '\n')


def columns_of(text):
    """What a terminal takes for it."""
    return sum(2 if unicodedata.east_asian_width(c) in 'WF' else 0 if unicodedata.combining(c) else 1 for c in text)


@tap
def wide(folder):
    """characters of two columns and of none keep the columns of a table straight, whole and cut"""
    for reason in ('監査の保留、事件七', '監査', 'e\u0301te\u0301', '\U0001f512 locked'):
        with Azure(folder, reason=reason) as azure:
            for width in (None, 74, 75, 200):
                verb = ('list', *azure.direct, '--utc')
                text = on_terminal(width, *verb) if width else good(*verb)
                lines = re.sub('\033\\[[01]m', '', text).splitlines()
                at = columns_of(lines[1][:lines[1].index('GOES')])
                held = next(line for line in lines if 'held: ' in line)
                same(columns_of(held[:held.index(' never') + 1]), at, f'{width}: {held}')
                same(not width or columns_of(held) <= width, True, held)


@tap
def terminal(folder):
    """tables fit a terminal, are whole in a pipe, and are bold only where that is welcome"""
    with Azure(folder) as azure:
        listing = ['list', *azure.direct, '--utc']
        whole = good(*listing)
        has(whole, name_of(YEAR))
        same('\033' in whole, False, 'colour in a pipe')
        name = name_of(YEAR)
        for width in (70, 77, 89, 90, 100, 101, 111, 122, 123, 200):
            text = on_terminal(width, *listing)
            plain = re.sub('\033\\[[01]m', '', text)
            for line in plain.splitlines():
                if 'complete' in line:
                    same(len(line) <= width, True, f'{width}: {line!r}')
            has(text, '\033[1m')
            same('\033' in plain, False, 'another escape')
            # CREATED goes before the name does, which is never cut: without room it is a line of its own.
            same([line.split()[-1] for line in plain.splitlines() if name in line], [name], width)
            same(f'\n      {name}\n' in plain, width < 101, width)
            same('\n      NAME\n' in plain, width < 101, width)
            same('CREATED' in plain, width >= 123 or 86 <= width < 101, width)
            same('...' in plain, width in (70, 89, 90, 101, 123), f'{width}: {plain}')
        # What retire and explain need is never cut.
        for width in (80, 120, 300):
            text = on_terminal(width, *listing, '--unclaimed')
            same(re.search(rf'rg-app/c +{GENERATION[2]}\b', text) is not None, True, text)
            has(text, 'rg-snapshots/' + name_of(YEAR, 'c', 2) + '\n')
            same(max(map(len, re.sub('\033\\[[01]m', '', text).split('\n\n')[0].splitlines())) <= width, True, text)
        same('\033' in on_terminal(100, *listing, NO_COLOR='1'), False, 'NO_COLOR')
        same('\033' in on_terminal(100, *listing, TERM='dumb'), False, 'a dumb terminal')
        # Whose it is tells policies apart, and a hold shows.
        plain = re.sub('\033\\[[01]m', '', on_terminal(80, 'chain', 'a', *azure.direct, '--utc'))
        for line in (' STATE     WHOSE ', ' policy gold  ', ' audit '):
            has(plain, line)
        has(plain, '\n      rg-snapshots/' + name + '\n')
        # An answer of JSON is laid out, and is the same.
        answer = json.loads(on_terminal(80, 'calendar', 'daily', '--from', '2026-01-01T00:00:00Z', '--json'))
        same(len(answer['instants']), 5)


# ----------------------------------------------------------------------------------- check --online

SET = f'{PREFIX}/rg-keys/{COMPUTE}/diskEncryptionSets/des'
ROLES = {'all': '0', 'creator': '1', 'pruner': '2', 'none': '3'}


def client_of(role):
    return f'44444444-4444-4444-8444-44444444444{ROLES[role]}'


class Online:
    """azure-sim with two disks, one of them with a key of its own, and an application of each role."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.record = os.path.join(folder, 'record')
        own = {'id': disk_id('own'), 'location': 'westeurope', 'tags': {'backup': 'yes'},
               'diskEncryptionSetId': SET}
        plain = {'id': disk_id('plain'), 'location': 'westeurope', 'tags': {'backup': 'yes'}}
        other = {'id': disk_id('other'), 'location': 'westeurope'}
        text = {'groups': [{'subscription': SUBSCRIPTION, 'name': name, 'location': 'westeurope'}
                           for name in ('rg-app', 'rg-snapshots')],
                'clients': [{'tenant': 'contoso.example', 'client': client_of(role), 'secret': 'right',
                             'role': role} for role in ROLES],
                'disks': [own, plain, other]}
        self.sim = Sim(SIM, folder, '--world', write(folder, json.dumps(text), 'world.json'),
                       '--record', self.record, *options)
        text = policy(self.sim, '  gold: {schedule: {every: 1h}, keep: {last: 2}}\n')
        self.text = text.replace(f'match: {{subscription: {SUBSCRIPTION}}}',
                                 f'match: {{subscription: {SUBSCRIPTION}, tags: {{backup: "yes"}}}}, '
                                 'expect: ">=2"')
        write(folder, 'right', 'secret')
        write(folder, 'wrong', 'bad-secret')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sim.end()

    def ask(self, *changes, **environment):
        """(status, the member "online", errors, warnings); each change is (old, new) of the policy."""
        text = self.text
        for old, new in changes:
            has(text, old)
            text = text.replace(old, new)
        path = write(self.folder, text)
        status, out, err = ctl('check', '--online', path, '--json', CREDENTIALS_DIRECTORY=self.folder,
                               **environment)
        answer = json.loads(out)
        keys(answer, 'version file valid errors warnings diagnostics diagnostics_left_out policies load azure '
             'online', 'check')
        online = answer['online']
        keys(online, 'errors warnings findings findings_left_out identities subscriptions policies targets '
             'groups encryption_sets', 'online')
        found = {kind: [f'{f["where"]}: {f["message"]}' for f in online['findings'] if f['severity'] == kind]
                 for kind in ('error', 'warning')}
        same((online['errors'], online['warnings']), (len(found['error']), len(found['warning'])))
        # What is said to people is the same, and the status is by the errors alone.
        same(err.splitlines()[answer['warnings']:], [f'{path}: {f["severity"]}: {f["where"]}: {f["message"]}'
                                                     for f in online['findings']])
        same(status, 1 if found['error'] else 0, err)
        text_status, text, text_err = ctl('check', '--online', path, CREDENTIALS_DIRECTORY=self.folder,
                                          **environment)
        clean = re.compile(r'Trace ID: [-0-9a-f]+')
        same((text_status, clean.sub('', text_err)), (status, clean.sub('', err)))
        errors, warnings = len(found['error']), len(found['warning'])
        has(text, f'Online: {errors} error{"" if errors == 1 else "s"}, '
                  f'{warnings} warning{"" if warnings == 1 else "s"}\n')
        return online, found['error'], found['warning'], text

    def key(self, how):
        self.sim.post('/sim/world/key', {'id': SET, 'key': how})

    def rights(self, how, group='rg-snapshots'):
        self.sim.post('/sim/world/rights', {'rights': how, 'group': group})


def application(role, secret='secret'):
    return (f'{{service_principal: {{tenant: contoso.example, client: {client_of(role)}, '
            f'secret: {secret}}}}}')


def identity(value):
    return ('identity: managed', f'identity: {value}')


def group_of(online, name):
    return next(group for group in online['groups'] if group['name'] == name)


@tap
def online_right(folder):
    """check --online on an Azure that lets it all: what it finds, and by GETs alone"""
    with Online(folder) as azure:
        online, errors, warnings, text = azure.ask()
        same((errors, warnings), ([], []))
        same(online['identities'], [{'for': 'all', 'kind': 'managed', 'token': True,
                                     'as': 'the managed identity of the virtual machine'}])
        same(online['subscriptions'], [{'id': SUBSCRIPTION, 'read': True, 'disks': 3, 'selected': 2,
                                        'snapshots': 0}])
        same((online['policies'], online['targets']),
             ([{'name': 'gold', 'selected': 2}], [{'policy': 'gold', 'selected': 2, 'expect': 2}]))
        same(online['groups'], [
            {'subscription': SUBSCRIPTION, 'name': 'rg-snapshots', 'snapshots': True, 'disks': 0,
             'exists': True, 'lacks': []},
            {'subscription': SUBSCRIPTION, 'name': 'rg-app', 'snapshots': False, 'disks': 2,
             'exists': True, 'lacks': []}])
        same(online['encryption_sets'], [{'id': SET, 'disks': 1, 'state': 'ok'}])
        for line in ('  the identity has a token', f'{SUBSCRIPTION}      3         2          0',
                     'gold       [0]     >=2        2', 'rg-snapshots  snapshots  yes     all',
                     'rg-app        2 disks    yes     all', 'rg-keys/des         1  ok'):
            has(text, '\n' + line + '\n')
        with open(azure.record) as file:
            asked = [json.loads(line)['request'] for line in file]
        same({request['method'] for request in asked}, {'GET'})
        same(len(asked), 2 * 6, 'requests: two listings, a group, two of rights, a set')

        # Offline the answer is as ever, and nothing is asked.
        keys(json.loads(good('check', os.path.join(folder, 'p.yaml'), '--json')),
             'version file valid errors warnings diagnostics diagnostics_left_out policies load azure', 'check')
        same('Online' in good('check', os.path.join(folder, 'p.yaml')), False)
        with open(azure.record) as file:
            same(len(file.readlines()), len(asked))
        for width in (80, 79):
            path = os.path.join(folder, 'p.yaml')
            for line in on_terminal(width, 'check', '--online', path).partition('Online')[2].splitlines():
                same(len(re.sub('\033\\[[01]m', '', line)) <= width, True, line)


@tap
def online_identity(folder):
    """check --online without a token says which identity, why, and asks no more as it"""
    with Online(folder) as azure:
        online, errors, warnings, text = azure.ask(identity(application('all')))
        same((errors, warnings), ([], []))
        online, errors, warnings, text = azure.ask(identity(application('all', 'bad-secret')))
        same((len(errors), warnings), (1, []), errors)
        has(errors[0], 'azure.identity: no token for the client ' + client_of('all'))
        has(errors[0], 'AADSTS7000215')
        has(errors[0], 'is the secret in the systemd credential "bad-secret" right and not expired?')
        has(errors[0], 'check azure.identity of the policy')
        same('wrong' in errors[0], False, 'the secret')
        same((online['identities'][0]['token'], online['subscriptions'][0]['read'],
              online['policies'][0]['selected'], online['targets'][0]['selected'],
              group_of(online, 'rg-snapshots')['exists']), (False, False, None, None, None))
        has(text, '  the identity has no token\n')
        has(text, 'rg-snapshots  snapshots  unknown  unknown\n')

        # Of the environment it is told which of its variables.
        variables = {'AZURE_TENANT_ID': 'contoso.example', 'AZURE_CLIENT_ID': client_of('all'),
                     'AZURE_CLIENT_SECRET': 'right'}
        online, errors, warnings, text = azure.ask(identity('environment'), **variables)
        same((errors, warnings), ([], []))
        who = (f'the client {client_of("all")} of tenant contoso.example, by the secret in the variable '
               'AZURE_CLIENT_SECRET, as the environment says')
        same(online['identities'][0]['as'], who)
        has(text, f'  the identity has a token, as {who}\n')
        del variables['AZURE_TENANT_ID']
        errors = azure.ask(identity('environment'), **variables)[1]
        same(len(errors), 1, errors)
        has(errors[0], 'AZURE_CLIENT_SECRET needs the variable AZURE_TENANT_ID')


@tap
def online_two(folder):
    """check --online with two identities asks each for its own rights, and one without the other"""
    def two(create, prune):
        return identity(f'{{create: {create}, prune: {prune}}}')

    with Online(folder, '--page-size', 1) as azure:
        # By page after page of one element.
        online, errors, warnings, text = azure.ask(two(application('creator'), application('pruner')))
        same((errors, warnings), ([], []))
        same([(i['for'], i['token']) for i in online['identities']], [('create', True), ('prune', True)])
        same((group_of(online, 'rg-snapshots')['lacks'], group_of(online, 'rg-snapshots')['pruner_lacks'],
              group_of(online, 'rg-app')['pruner_lacks']), ([], [], None))
        has(text, '  what creates has a token\n  what deletes has a token\n')
        # Half an answer is none.
        azure.sim.post('/sim/faults', {'faults': [
            {'fault': 'odd-null', 'request': 'get_permissions', 'url': '*skiptoken*'}]})
        online, errors, warnings, _ = azure.ask(two(application('creator'), application('pruner')))
        same((errors, len(warnings), group_of(online, 'rg-app')['lacks']), ([], 2, None), warnings)
        has(warnings[0], 'the rights of azure.identity.create could not be read (code UnreadableReply')
        azure.sim.post('/sim/faults', {'faults': []})

        online, errors, warnings, _ = azure.ask(two(application('all'), application('creator')))
        same(len(errors), 1, errors)
        has(errors[0], f'group rg-snapshots of subscription {SUBSCRIPTION}: azure.identity.prune lacks the '
                       'right Microsoft.Compute/snapshots/delete; assign it the role in /usr/share/doc/snapkeep/examples/roles/pruner.json')
        same(len(warnings), 1, warnings)
        has(warnings[0], 'azure.identity.create has the right Microsoft.Compute/snapshots/delete')

        online, errors, warnings, _ = azure.ask(two(application('creator', 'bad-secret'),
                                                    application('pruner')))
        same(len(errors), 1, errors)
        has(errors[0], 'azure.identity.create: no token')
        same([(i['token']) for i in online['identities']], [False, True])
        same(group_of(online, 'rg-snapshots')['pruner_lacks'], [])
        online, errors, warnings, _ = azure.ask(two(application('creator'),
                                                    application('pruner', 'bad-secret')))
        same(len(errors), 1, errors)
        has(errors[0], 'azure.identity.prune: no token')
        # What never deletes needs no second one.
        online, errors, warnings, text = azure.ask(two(application('creator'),
                                                       application('pruner', 'bad-secret')),
                                                   ('prune: auto', 'prune: off'))
        same((errors, warnings, online['identities'][1]['token']), ([], [], None))
        has(text, '  what deletes was not asked for a token\n')


@tap
def online_groups(folder):
    """check --online tells of groups that are not there, and of rights that lack in those that are"""
    with Online(folder) as azure:
        online, errors, warnings, text = azure.ask(('snapshot_group: rg-snapshots', 'snapshot_group: rg-none'))
        same((len(errors), warnings), (1, []), errors)
        has(errors[0], f'group rg-none of subscription {SUBSCRIPTION}: it does not exist')
        has(errors[0], f'az group create -n rg-none -l LOCATION --subscription {SUBSCRIPTION}')
        same((group_of(online, 'rg-none')['exists'], group_of(online, 'rg-none')['lacks']), (False, None))
        has(text, 'rg-none  snapshots  no      -\n')

        azure.rights('read')
        online, errors, warnings, text = azure.ask()
        same((len(errors), warnings), (2, []), errors)
        has(errors[0], 'azure.identity lacks the right Microsoft.Compute/snapshots/write; assign it the role '
                       'in /usr/share/doc/snapkeep/examples/roles/creator.json')
        has(errors[1], 'azure.identity lacks the right Microsoft.Compute/snapshots/delete; assign it the role '
                       'in /usr/share/doc/snapkeep/examples/roles/pruner.json')
        same(group_of(online, 'rg-snapshots')['lacks'],
             ['Microsoft.Compute/snapshots/delete', 'Microsoft.Compute/snapshots/write'])
        has(text, 'rg-snapshots  snapshots  yes     lacks 2\n')
        # Without prune there is nothing to delete.
        errors = azure.ask(('prune: auto', 'prune: off'))[1]
        same(len(errors), 1, errors)
        has(errors[0], 'lacks the right Microsoft.Compute/snapshots/write')
        azure.rights('none')
        online, errors, warnings, _ = azure.ask()
        same((len(errors), len(warnings)), (1, 1), errors)
        has(errors[0], 'it does not exist, or azure.identity lacks the right Microsoft.Compute/snapshots/read')
        azure.rights('all')
        azure.rights('read', 'rg-app')
        errors = azure.ask()[1]
        same(len(errors), 1, errors)
        has(errors[0], 'group rg-app')
        has(errors[0], 'lacks the right Microsoft.Compute/disks/beginGetAccess/action;')
        azure.rights('all', 'rg-app')

        # An application that deletes nothing, and one that may nothing at all.
        errors = azure.ask(identity(application('creator')))[1]
        same(len(errors), 1, errors)
        has(errors[0], 'lacks the right Microsoft.Compute/snapshots/delete;')
        online, errors, warnings, _ = azure.ask(identity(application('none')))
        same((len(errors), len(warnings)), (2, 1), errors)
        has(errors[0], f'subscription {SUBSCRIPTION}: cannot be read (code AuthorizationFailed, status 403)')
        has(errors[0], 'the identity needs the right to read disks and snapshots there')

        # Who may not ask for rights is warned, once, and all else is told.
        azure.sim.post('/sim/faults', {'faults': [{'fault': 'forbidden', 'request': 'get_permissions'}]})
        online, errors, warnings, text = azure.ask()
        same((errors, len(warnings)), ([], 1), warnings)
        has(warnings[0], f'group rg-snapshots of subscription {SUBSCRIPTION} and 1 other: the rights of '
                         'azure.identity could not be read')
        has(warnings[0], 'it needs the right Microsoft.Authorization/permissions/read')
        same([group['lacks'] for group in online['groups']], [None, None])
        has(text, 'rg-app        2 disks    yes     unknown\n')
        # Of each subscription once.
        other = '22222222-2222-4222-8222-222222222222'
        azure.sim.post('/sim/world/add', {'groups': [
            {'subscription': other, 'name': 'rg-snapshots', 'location': 'westeurope'}]})
        online, errors, warnings, text = azure.ask(
            ('targets:\n', f'targets:\n  - {{policy: gold, match: {{subscription: {other}}}}}\n'))
        same((errors, [w.partition(': the rights')[0] for w in warnings if 'rights' in w]),
             ([], [f'group rg-snapshots of subscription {other}',
                   f'group rg-snapshots of subscription {SUBSCRIPTION} and 1 other']))
        has(warnings[0], 'targets[0]: it selects no disk for policy gold')
        has(text, f'rg-snapshots  snapshots  yes     unknown  {other}\n')
        # An answer that is none.
        azure.sim.post('/sim/faults', {'faults': [{'fault': 'odd-null', 'request': 'get_permissions'}]})
        online, errors, warnings, _ = azure.ask()
        same((errors, len(warnings)), ([], 2), warnings)
        has(warnings[0], 'the rights of azure.identity could not be read (code UnreadableReply')


@tap
def online_disks(folder):
    """check --online tells of targets that select too little, and of keys that will not serve"""
    with Online(folder) as azure:
        errors = azure.ask(('>=2', '>=3'))[1]
        same(len(errors), 1, errors)
        has(errors[0], 'targets[0].expect: of 3 disks that policy gold expects it selects 2')
        online, errors, warnings, text = azure.ask((', expect: ">=2"', ''), ('backup: "yes"', 'backup: never'))
        same((errors, len(warnings)), ([], 1), errors)
        has(warnings[0], 'targets[0]: it selects no disk for policy gold; look at the groups and tags')
        has(text, 'gold       [0]       -        0\n')
        online, errors, warnings, text = azure.ask(('>=2', '>=0'), ('backup: "yes"', 'backup: never'))
        same((errors, warnings, online['targets'][0]['expect']), ([], [], 0), errors)
        has(text, 'gold       [0]     >=0        0\n')
        online, errors, warnings, text = azure.ask(
            ('targets:\n', f'targets:\n  - {{policy: gold, disks: [{disk_id("plain")}, {disk_id("nobody")}]}}\n'))
        same((len(errors), warnings), (1, []), errors)
        has(errors[0], f'targets[0].disks[1]: Azure does not list the disk {disk_id("nobody")}; mend its id')
        same((online['policies'], [t['selected'] for t in online['targets']]),
             ([{'name': 'gold', 'selected': 2}], [1, 2]))
        has(text, 'gold       all       -        2\n')

        for key, state, severity, part in [
                ('gone', 'missing', 'error', 'it does not exist, and 1 selected disk names it'),
                ('unreadable', 'forbidden', 'warning', 'the right Microsoft.Compute/diskEncryptionSets/read'),
                ('disabled', 'not-rotated', 'error', '(code KeyVaultKeyNotEnabled): The key is not enabled.'),
                ('forbidden', 'not-rotated', 'error', '(code KeyVaultAccessForbidden): '),
                ('usable', 'ok', None, '')]:
            azure.key(key)
            online, errors, warnings, text = azure.ask()
            same(online['encryption_sets'][0]['state'], state)
            same([len(errors), len(warnings)], [severity == 'error', severity == 'warning'], key)
            for finding in errors + warnings:
                has(finding, f'encryption set {SET}: ')
                has(finding, part)
            has(text, f'rg-keys/des         1  {state}\n')
        # One that no selected disk names is nobody's business.
        azure.key('gone')
        same(azure.ask((', expect: ">=2"', ''), ('backup: "yes"', 'backup: never'))[1], [])


@tap
def online_away(folder):
    """check --online of an Azure that is not there, and of a policy that is none"""
    with Online(folder) as azure:
        other = '22222222-2222-4222-8222-222222222222'
        online, errors, warnings, _ = azure.ask(
            ('targets:\n', f'targets:\n  - {{policy: gold, match: {{subscription: {other}}}}}\n'))
        same((len(errors), warnings), (1, []), errors)
        has(errors[0], f'subscription {other}: cannot be read (code SubscriptionNotFound, status 404)')
        has(errors[0], 'check the subscription ids')
        same([s['read'] for s in online['subscriptions']], [False, True])
        same([(t['selected']) for t in online['targets']], [None, 2])
        path = write(folder, azure.text.replace(azure.sim.base, 'http://127.0.0.1:1', 1))
        status, out, err = ctl('check', '--online', path)
        same(status, 1, err)
        has(err, f'subscription {SUBSCRIPTION}: cannot be read')
        has(err, 'check that http://127.0.0.1:1 can be reached from here, and try again')
        has(out, 'valid, 1 policy')
    status, out, err = ctl('check', '--online', path)
    same(status, 1, err)
    has(err, 'azure.identity: no token from the identity service')
    err = refused('check', '--online', write(folder, 'version: 2\n', 'bad.yaml'), status=1)
    has(err, 'bad.yaml:1:10: error: ')
    same('Online' in err, False)


sys.exit(tap.main())
