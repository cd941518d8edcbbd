#!/usr/bin/env python3
"""bus: orders to the running daemon, over a private D-Bus with the policy that is installed.

    bus.py SNAPKEEPD SNAPKEEPCTL AZURE-SIM      as TAP

What depends on who calls needs root, to be somebody else; elsewhere it is skipped.
"""
import datetime
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

from rig import Daemon, Sim, Skip, Tap, disk_id, plain_environment, policy, start, wait_for

DAEMON, CTL, SIM = sys.argv[1:4]
SYSTEMD = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../systemd')
NAME, PATH, INTERFACE = 'org.snapkeep1', '/org/snapkeep1', 'org.snapkeep1.Manager'
NOBODY = 65534  # user and group
SAFETY = '{prune: auto, min_keep: 1, min_age: 0s}'
# The only slot is far off.
CALM = '  gold: {schedule: {calendar: "2199-01-01"}, keep: {last: %d}}'
tap = Tap()

CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  <include>%s</include>
</busconfig>
'''


def want(condition, text):
    if not condition:
        raise AssertionError(text)


def has(text, part):
    want(part in text, f'no {part!r} in {text!r}')


class Bus:
    """A dbus-daemon with a policy like the system's, and org.snapkeep1.conf; `me` stands for root."""

    def __init__(self, folder, group=None):
        os.chmod(folder, 0o755)
        self.socket = os.path.join(folder, 'bus')
        self.address = 'unix:path=' + self.socket
        self.config = os.path.join(folder, 'bus.conf')
        installed = os.path.join(folder, 'org.snapkeep1.conf')
        with open(os.path.join(SYSTEMD, 'org.snapkeep1.conf')) as file:
            text = file.read()
        text = text.replace('user="root"', f'user="{os.getuid()}"')
        if group:
            want('group="snapkeep"' in text, 'the policy names no group')
            text = text.replace('group="snapkeep"', f'group="{group}"')
        with open(installed, 'w') as file:
            file.write(text)
        with open(self.config, 'w') as file:
            file.write(CONFIG % (self.socket, installed))
        self.log = os.path.join(folder, 'dbus.log')

    def start(self):
        with open(self.log, 'a') as log:
            self.process = start(['dbus-daemon', '--config-file=' + self.config, '--nofork',
                                  '--nopidfile'], stdout=subprocess.DEVNULL, stderr=log)
        wait_for(lambda: os.path.exists(self.socket), 10, 'the bus')
        return self

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def run(self, *command, user=None):
        # The bus knows a caller's groups from the socket: they are to be the user's, not ours.
        who = {} if user is None else {'user': user, 'group': user, 'extra_groups': []}
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **who,
                              env=plain_environment(DBUS_SYSTEM_BUS_ADDRESS=self.address,
                                                    TZ='Europe/Stockholm'))

    def send(self, member, *arguments, interface=INTERFACE, user=None):
        """(the answer or None, the error's name or None)"""
        run = self.run('dbus-send', '--system', '--print-reply=literal', '--reply-timeout=20000',
                       '--dest=' + NAME, PATH, f'{interface}.{member}', *arguments, user=user)
        if run.returncode == 0:
            return run.stdout.strip(), None
        match = re.match(r'Error ([\w.]+)', run.stderr)
        want(match, f'{member}: {run.stderr}')
        return None, match.group(1)

    def ask(self, member, *arguments, **options):
        answer, error = self.send(member, *arguments, **options)
        want(error is None, f'{member} {arguments}: {error}')
        return answer

    def error(self, member, *arguments, **options):
        answer, error = self.send(member, *arguments, **options)
        want(error, f'{member} {arguments} was answered: {answer}')
        return error

    def json(self, member, *arguments, **options):
        value = json.loads(self.ask(member, *arguments, **options))
        want(value['version'] == 1, f'version {value["version"]}')
        return value

    def is_served(self):
        return self.send('Status')[1] is None

    def ctl(self, *arguments, status=0, user=None):
        """What snapkeepctl prints, stdout and stderr; the exit status must be that one."""
        run = self.run(CTL, *arguments, user=user)
        want(run.returncode == status,
             f'{arguments}: status {run.returncode}, {run.stdout[-500:]} {run.stderr[-500:]}')
        if status == 0:
            want(run.stderr == '', f'{arguments}: {run.stderr}')
        return run.stdout + run.stderr

    def ctl_json(self, *arguments, status=0):
        value = json.loads(self.ctl(*arguments, '--json', status=status))
        want(value['version'] == 1, f'version {value["version"]}')
        return value


class Rig:
    """azure-sim, a bus and the daemon."""

    def __init__(self, folder, policies='  gold: {schedule: {every: 2s}, keep: {last: 3}}', disks=2,
                 safety=SAFETY, group=None):
        self.folder, self.safety = folder, safety
        self.sim = Sim(SIM, folder, '--disks', disks, '--operation-ms', 50, '--linger-ms', 0, '--no-limits')
        self.bus = Bus(folder, group).start()
        self.state = os.path.join(folder, 'state')
        os.mkdir(self.state)
        self.policies = policies
        self.start()

    def text(self, policies=None, safety=None):
        return policy(self.sim, policies or self.policies, safety or self.safety)

    def start(self):
        self.daemon = Daemon(DAEMON, self.folder, self.text(), DBUS_SYSTEM_BUS_ADDRESS=self.bus.address,
                             STATE_DIRECTORY=self.state)
        wait_for(self.bus.is_served, 20, 'an answer of the daemon')

    def rewrite(self, policies, safety=None):
        with open(self.daemon.path, 'w') as file:
            file.write(self.text(policies, safety))

    def plan(self):
        return self.bus.json('Plan', 'uint32:0', 'uint32:0')

    def wait_read(self):
        return wait_for(lambda: (plan := self.plan())['hash'] and plan, 20, 'a plan of all')

    def wait_snapshots(self, n):
        """Waits until there are n of each disk."""
        disks = len(self.sim.get('/sim/world')['disks'])
        wait_for(lambda: len(self.sim.snapshots()) >= n * disks, 60, f'{n} snapshots of each disk')

    def calm(self, keep):
        """Makes the policy one that has no slot for long, so that plans stay as they are. What the old
        one had under way may land after the world was read, and what is as young as the clock's second
        counts as of the future: the world is read until it has all, some seconds later."""
        self.rewrite(CALM % keep)
        has(self.bus.ctl('reload'), 'the policy was reloaded')
        time.sleep(2)

        def is_calm():
            has(self.bus.ctl('reload'), 'the policy was reloaded')
            self.wait_read()
            time.sleep(0.5)
            rows = self.bus.json('ListSeries', 'uint32:0', 'uint32:0')['series']
            return sum(row['complete'] for row in rows) == len(
                [s for s in self.sim.snapshots() if s['sourceUniqueId'].lower() in
                 {row['generation'] for row in rows}])

        wait_for(is_calm, 30, 'a world that has all')

    def end(self):
        want(self.daemon.stop() == 0, 'SIGTERM is no failure')
        self.sim.end()


def signature(method, direction):
    return ''.join(arg.get('type') for arg in method.findall('arg')
                   if (arg.get('direction') or 'in') == direction)


def shape(text):
    """The interface of an introspection document."""
    interface = next(i for i in xml.fromstring(text).iter('interface') if i.get('name') == INTERFACE)
    members = {m.get('name'): (signature(m, 'in'), signature(m, 'out'),
                               [a.get('name') for a in m.findall('arg')])
               for m in interface.findall('method')}
    for prop in interface.findall('property'):
        notes = [a.get('value') for a in prop.findall('annotation')
                 if a.get('name') == 'org.freedesktop.DBus.Property.EmitsChangedSignal']
        members[prop.get('name')] = (prop.get('type'), prop.get('access'), notes)
    return members


@tap
def interface(folder):
    """introspection and the installed interface file say the same"""
    rig = Rig(folder)
    found = shape(rig.bus.ask('Introspect', interface='org.freedesktop.DBus.Introspectable'))
    with open(os.path.join(SYSTEMD, 'org.snapkeep1.Manager.xml')) as file:
        written = shape(file.read())
    want(len(written) == 22, f'{len(written)} members')
    want(found == written, f'{found}\n{written}')
    rig.end()


@tap
def reading(folder):
    """every reading method answers, in pages; the verbs show it"""
    rig = Rig(folder, disks=7)
    bus = rig.bus
    rig.wait_snapshots(3)
    rig.calm(3)
    status = wait_for(lambda: (s := bus.json('Status'))['health'] == 'ok' and s, 30, 'health')
    want(status['n_series']['total'] == 7 and status['owner'] == 'test', str(status))
    want(status['counts']['create_failures'] == 0 and status['counts']['sweeps'] >= 1 and status['subscriptions'][0]['read'], str(status))

    seen = []
    for offset in (0, 3, 6, 9):
        page = bus.json('ListSeries', f'uint32:{offset}', 'uint32:3')
        want(page['total'] == 7 and page['offset'] == offset, str(page))
        want(len(page['series']) == max(0, min(3, 7 - offset)), str(len(page['series'])))
        seen += [row['disk'].rsplit('/', 1)[1] for row in page['series']]
    want(seen == [f'disk-{n:04}' for n in range(1, 8)], str(seen))
    want(len(bus.json('ListSeries', 'uint32:0', 'uint32:0')['series']) == 7, 'all rows by count 0')
    doubts = bus.json('ListDoubts', 'uint32:0', 'uint32:0')
    want(doubts['total'] == 0 and doubts['doubts'] == [], str(doubts))

    want(re.fullmatch(r'variant +ok', bus.ask(
        'Get', 'string:' + INTERFACE, 'string:Health', interface='org.freedesktop.DBus.Properties')), 'Health')
    text = bus.ask('GetAll', 'string:' + INTERFACE, interface='org.freedesktop.DBus.Properties')
    for word in ('Version', 'Summary', 'NDoubts', 'Health', '7 disks'):
        has(text, word)

    text = bus.ctl('status', '--utc')
    want(text.startswith('ok: 7 disks, newest '), text)
    want(len(re.findall(r'^ok +rg-app/disk-000\d +gold +20\S+Z', text, re.M)) == 7, text)
    text = bus.ctl('status', 'DISK-0003')
    want(text.startswith('ok: disk DISK-0003\n') and text.count('rg-app/') == 1, text)
    has(text, '+01:00' if '+01:00' in text else '+02:00')
    for disk in ('rg-APP/disk-0003', disk_id('disk-0003')):
        rows = bus.ctl_json('status', disk)['series']
        want([row['disk'] for row in rows] == [disk_id('disk-0003')], str(rows))
    want(bus.run(CTL, 'status', 'nosuch').stdout.startswith('unknown: no disk nosuch is among those'), 'no such disk')
    has(bus.ctl('status', 'rg-ap/disk-0003', status=3), 'no disk')
    answer = bus.ctl_json('status')
    want(answer['health'] == 'ok' and len(answer['series']) == 7 and answer['doubts'] == [], str(answer))

    answer = bus.ctl_json('plan')
    for key in ('owner', 'now', 'hash', 'subscriptions', 'actions', 'next', 'findings'):
        want(key in answer, key)
    has(bus.ctl('plan'), 'The next slot starts at ')
    has(bus.ctl('plan', '--policy', 'x', status=2), '--policy goes with --direct')

    # What holds everything holds this disk too.
    bus.ctl('pause')
    text = bus.ctl('status', 'disk-0003', status=1)
    want(text.startswith('warning: disk disk-0003\n') and 'all paused: everything is paused' in text, text)
    want(bus.ctl_json('status', 'disk-0003', status=1)['health'] == 'warning', 'the health of all')
    rig.end()


ORDERS = [('Ack', 'string:0'), ('Apply', 'string:0'), ('Pause', 'boolean:true', 'uint64:0'), ('Resume',),
          ('Retire', 'string:0', 'string:0'), ('Hold', 'string:0', 'string:0'), ('Release', 'string:0'),
          ('Adopt', 'string:0', 'string:'), ('Backup', 'string:0', 'uint64:86400', 'string:x', 'string:'),
          ('Reload',)]
LOOKS = [('Status',), ('ListSeries', 'uint32:0', 'uint32:0'), ('ListDoubts', 'uint32:0', 'uint32:0'),
         ('Plan', 'uint32:0', 'uint32:0'), ('ListSnapshots', 'uint32:0', 'uint32:0'),
         ('ListChains', 'string:disk-0001', 'uint32:0', 'uint32:0')]
DENIED = 'org.freedesktop.DBus.Error.AccessDenied'


@tap
def callers(folder):
    """everybody reads, root and the group act, others are refused by the bus"""
    if os.getuid() != 0:
        raise Skip('only root can call as somebody else')
    rig = Rig(folder, group='man')
    bus = rig.bus
    rig.wait_read()
    for look in LOOKS:
        bus.ask(*look, user=NOBODY)
    bus.ask('GetAll', 'string:' + INTERFACE, interface='org.freedesktop.DBus.Properties', user=NOBODY)
    want(bus.error('RetirePlan', 'string:0', user=NOBODY) == 'org.snapkeep1.Error.Unknown', 'RetirePlan')
    want(bus.error('Order', 'string:0', user=NOBODY) == 'org.snapkeep1.Error.Unknown', 'Order')
    for order in ORDERS:
        want(bus.error(*order, user=NOBODY) == DENIED, f'{order[0]} is not refused')
        want(bus.send(*order, user='man')[1] != DENIED, f'{order[0]} is refused to the group')
        want(bus.send(*order)[1] != DENIED, f'{order[0]} is refused to root')
    want(bus.error('Set', 'string:' + INTERFACE, 'string:Health', 'variant:string:ok',
                   interface='org.freedesktop.DBus.Properties').endswith('PropertyReadOnly'), 'Set')
    # The same to the daemon's own name on the bus, and without an interface.
    run = bus.run('dbus-send', '--system', '--print-reply=literal', '--dest=org.freedesktop.DBus', '/',
                  'org.freedesktop.DBus.GetNameOwner', 'string:' + NAME)
    owner = run.stdout.strip()
    want(owner.startswith(':1.'), run.stderr)
    run = bus.run('dbus-send', '--system', '--print-reply', '--dest=' + owner, PATH, INTERFACE + '.Resume',
                  user=NOBODY)
    has(run.stderr, DENIED)
    has(bus.ctl('pause', status=1, user=NOBODY), 'only root and the members of the group snapkeep')
    bus.ctl('status', user=NOBODY, status=bus.run(CTL, 'status').returncode)

    # Who said it, in words.
    bus.ask('Pause', 'boolean:false', 'uint64:0', user='man')
    bus.ask('Resume')
    has(rig.daemon.said(), 'deletions are paused, says man')
    has(rig.daemon.said(), 'nothing is paused any more, says root')
    rig.end()


@tap
def pausing(folder):
    """pause stops creations, or deletions alone, outlives a restart, and ends by resume or by time"""
    rig = Rig(folder, '  gold: {schedule: {every: 1s}, keep: {last: 2}}')
    bus = rig.bus
    rig.wait_snapshots(2)
    has(bus.ctl('pause'), 'no snapshots and no deletions until "snapkeepctl resume"')
    status = bus.json('Status')
    want(status['health'] == 'warning' and status['n_doubts'] >= 1, str(status))
    answer = bus.ctl_json('status', status=1)
    want(answer['doubts'][0]['doubt'] == 'all paused' and answer['doubts'][0]['hash'] is None, str(answer))
    has(bus.ctl('status', status=1), 'all paused: everything is paused until resumed; ends with resume')
    time.sleep(1)  # what was under way ends
    created = rig.sim.stats()['effects']['created']
    time.sleep(2.5)
    want(rig.sim.stats()['effects']['created'] == created, 'it went on creating')

    rig.daemon.kill()
    rig.start()
    rig.wait_read()
    time.sleep(2.5)
    want(rig.sim.stats()['effects']['created'] == created, 'a restart ended the pause')

    has(bus.ctl('resume'), 'the pause is over')
    has(bus.ctl('resume'), 'there was no pause')
    wait_for(lambda: rig.sim.stats()['effects']['created'] > created, 20, 'a snapshot after resume')

    has(bus.ctl('pause', '--prune', '--until', '2100-01-01T00:00:00Z', '--utc'),
        'no deletions until 2100-01-01T00:00:00Z')
    time.sleep(1)
    effects = rig.sim.stats()['effects']
    wait_for(lambda: rig.sim.stats()['effects']['created'] >= effects['created'] + 4, 20, 'snapshots')
    want(rig.sim.stats()['effects']['deleted'] == effects['deleted'], 'it went on deleting')
    until = int((time.time() + 3) * 1000000)
    bus.ask('Pause', 'boolean:false', f'uint64:{until}')
    wait_for(lambda: 'paused' not in [d['doubt'] for d in bus.json('ListDoubts', 'uint32:0', 'uint32:0')['doubts']],
             30, 'the end of the pause')
    wait_for(lambda: rig.sim.stats()['effects']['deleted'] > effects['deleted'], 30, 'a deletion after it')

    for usec in (1, int(time.time() - 5) * 1000000, 2 ** 64 - 1):
        want(bus.error('Pause', 'boolean:true', f'uint64:{usec}') == 'org.snapkeep1.Error.Invalid', str(usec))
    has(bus.ctl('pause', '--until', '2020-01-01T00:00:00Z', status=2), 'has passed already')
    has(bus.ctl('pause', '--until', 'tomorrow', status=2), '--until, character 1: not an RFC 3339 instant')
    want(bus.ctl_json('resume')['done'] is True, 'resume --json')

    # That for a state which nobody could read stands beside, and the answer says so.
    want(rig.daemon.stop() == 0, 'the stop')
    with open(os.path.join(rig.state, 'state'), 'w') as file:
        file.write('{"version":1,')
    rig.start()
    lost = '; deletions are paused until resumed, since the state that was kept could not be read'
    has(bus.ctl('pause', '--until', '2100-01-01T00:00:00Z', '--utc'),
        'no snapshots and no deletions until 2100-01-01T00:00:00Z' + lost)
    has(bus.ctl('pause', '--prune', '--until', '2100-01-01T00:00:00Z', '--utc'),
        'no deletions until 2100-01-01T00:00:00Z' + lost)
    with open(os.path.join(rig.state, 'state-unread-1')) as file:
        want(file.read() == '{"version":1,', 'it was not kept')
    has(bus.ctl('resume'), 'the pause is over')
    want(lost not in bus.ctl('pause', '--until', '2100-01-01T00:00:00Z'), 'it is still told of')
    rig.end()


def shortened(folder, keep=1, safety=SAFETY):
    """A rig whose policy came to keep 1 of 6: the doubt `policy` holds the deletions back, and no slot
    is near that would change the plan."""
    rig = Rig(folder, '  gold: {schedule: {every: 1s}, keep: {last: 6}}', safety=safety)
    rig.wait_snapshots(6)
    rig.calm(keep)
    wait_for(lambda: [d['doubt'] for d in rig.bus.json('ListDoubts', 'uint32:0', 'uint32:0')['doubts']]
             == ['policy'], 30, 'the doubt')
    return rig


@tap
def acking(folder):
    """a doubt is shown with a hash, and an ack with it lets the deletions go"""
    rig = shortened(folder)
    bus, sim = rig.bus, rig.sim
    n = len(sim.snapshots())
    doubt = bus.ctl_json('status', status=1)['doubts'][0]
    want(doubt['scope'] == 'policy gold' and re.fullmatch('[0-9a-f]{16}', doubt['hash']), str(doubt))
    has(bus.ctl('status', status=1), f'to accept it: snapkeepctl ack {doubt["hash"]}')
    has(bus.ctl('plan'), 'held back')
    want(bus.error('Ack', 'string:' + '0' * 16) == 'org.snapkeep1.Error.Unknown', 'an unknown hash')
    has(bus.ctl('ack', '0' * 16, status=1), 'snapkeepd refuses: there is no such doubt')
    has(bus.ctl('ack', status=2), 'ack needs one HASH')
    want(len(sim.snapshots()) == n, 'it deleted without an ack')
    has(bus.ctl('ack', doubt['hash']), 'accepted: policy gold: its keep would')
    wait_for(lambda: len(sim.snapshots()) == 2, 30, 'the deletions')
    rig.end()


@tap
def asking(folder):
    """prune: ask: the first deletions of a policy wait for an ack"""
    rig = Rig(folder, '  gold: {schedule: {every: 3s}, keep: {last: 2}}',
              safety='{prune: ask, min_keep: 1, min_age: 0s}')
    bus, sim = rig.bus, rig.sim
    rig.wait_snapshots(3)
    doubts = wait_for(lambda: [d for d in bus.json('ListDoubts', 'uint32:0', 'uint32:0')['doubts']
                               if d['doubt'] == 'ask'], 20, 'the question')
    want(len(doubts) == 1 and re.fullmatch('[0-9a-f]{16}', doubts[0]['hash']), str(doubts))
    rig.wait_snapshots(4)
    want(sim.stats()['effects']['deleted'] == 0, 'it deleted without an answer')
    has(bus.ctl('ack', doubts[0]['hash']), 'accepted: policy gold: its first deletions')
    wait_for(lambda: sim.stats()['effects']['deleted'] > 0, 20, 'a deletion')
    rig.end()


@tap
def critical(folder):
    """fewer disks than expected: critical, and ack ends the doubt"""
    rig = Rig(folder)
    rig.wait_snapshots(1)
    with open(rig.daemon.path) as file:
        text = file.read()
    with open(rig.daemon.path, 'w') as file:
        file.write(re.sub(r'(match: \{subscription: [0-9a-f-]+\})', r'\1, expect: ">=12"', text))
    rig.bus.ctl('reload')
    wait_for(lambda: rig.bus.json('Status')['health'] == 'critical', 20, 'the alarm')
    answer = rig.bus.ctl_json('status', status=2)
    want([d['doubt'] for d in answer['doubts']] == ['targets'], str(answer['doubts']))
    has(' '.join(answer['reasons']), 'finds 2 disks and expects 12 or more')
    want(rig.bus.ctl('status', status=2).startswith('critical: 2 disks'), 'the first line')
    health = rig.bus.ctl_json('status', 'disk-0001', status=1)['health']
    want(health == 'warning', f'of the disk: {health}')
    rig.bus.ctl('ack', answer['doubts'][0]['hash'])
    wait_for(lambda: rig.bus.json('ListDoubts', 'uint32:0', 'uint32:0')['total'] == 0, 20, 'the end of it')
    rig.end()


@tap
def unreadable(folder):
    """a subscription that cannot be read any more is named, with what the service said"""
    rig = Rig(folder)
    rig.wait_snapshots(1)
    rig.sim.post('/sim/faults', {'faults': [{'fault': 'forbidden', 'request': 'list_snapshots'}]})
    wait_for(lambda: 'cannot be read' in ' '.join(rig.bus.json('Status')['reasons']), 30, 'the reason')
    answer = rig.bus.ctl_json('status', status=1)
    has(' '.join(answer['reasons']), 'cannot be read, will go on trying (code AuthorizationFailed, status 403): '
        'A fault on demand')
    want('that was due' not in ' '.join(answer['reasons']), 'it is told once')
    rig.sim.post('/sim/faults', {'faults': []})
    wait_for(lambda: 'cannot be read' not in ' '.join(rig.bus.json('Status')['reasons']), 60, 'the end of it')
    rig.end()


@tap
def applying(folder):
    """plan -o and apply: exactly the plan that was read, and no other"""
    rig = shortened(folder)
    bus, sim = rig.bus, rig.sim
    n = len(sim.snapshots())
    path, direct = os.path.join(folder, 'plan.json'), os.path.join(folder, 'direct.json')
    has(bus.ctl('plan', '-o', path), f'0 to create, {n - 2} to delete, of which {n - 2} held back, hash ')
    has(bus.ctl('plan', '-o', os.path.join(folder, 'none/plan.json'), status=1),
        f'cannot write {folder}/none/plan.json: No such file or directory')
    # A file takes the place of a file, and of nothing else: root would be without /dev/null.
    pipe, link = os.path.join(folder, 'pipe'), os.path.join(folder, 'link')
    os.mkfifo(pipe)
    os.symlink('/dev/null', link)
    for special in (pipe, link, folder):
        has(bus.ctl('plan', '-o', special, status=1), 'it is there, and is no regular file')
    want(stat.S_ISFIFO(os.lstat(pipe).st_mode) and os.path.islink(link), 'it was replaced')
    bus.ctl('plan', '-o', path)

    with open(path) as file:
        plan = json.load(file)
    want(plan['version'] == 1 and plan['hash'] == rig.plan()['hash'], 'the hash in the file')
    want(len(plan['actions']) == n - 2, f'{len(plan["actions"])} actions')
    for action in plan['actions']:
        want(action['blocked'] == ['policy'], str(action))
        want(re.fullmatch(r'delete snapshot rg-snapshots/\S+ of slot \S+Z, created \S+Z, policy gold: '
                          r'superseded .*; not now, held back by: policy', action['text']), action['text'])
    run = bus.run(CTL, 'plan', '--direct', '--policy', rig.daemon.path, '-o', direct, '--json')
    want(run.returncode == 0 and json.loads(run.stdout)['hash'] == plan['hash'], f'--direct: {run}')
    has(run.stderr, 'nothing is deleted of policy gold (policy)')
    with open(direct) as file:
        want(json.load(file)['actions'] == plan['actions'], '--direct has other actions')

    for content, message in (('', 'is not JSON'), ('{}', 'is not JSON of a version'), ('[' * 100, 'is not JSON'),
                             ('{"version": 1, "hash": "12"}', 'is no plan'), ('{"version": 1}', 'is no plan')):
        bad = os.path.join(folder, 'bad.json')
        with open(bad, 'w') as file:
            file.write(content)
        has(bus.ctl('apply', bad, status=2), message)
    has(bus.ctl('apply', os.path.join(folder, 'none'), status=2), 'does not exist')
    want(bus.error('Apply', 'string:' + '0' * 64) == 'org.snapkeep1.Error.Changed', 'another hash')

    # The plan changes: a hand deletes one of them, and the world is read again.
    other = os.path.join(folder, 'other.json')
    with open(other, 'w') as file:
        json.dump({**plan, 'hash': '0' * 64}, file)
    has(bus.ctl('apply', other, status=1), 'the plan has changed since')
    want(len(sim.snapshots()) == n, 'it deleted by another plan')

    # A line that was taken out of the file would be done all the same.
    with open(other, 'w') as file:
        json.dump({**plan, 'actions': plan['actions'][1:]}, file)
    has(bus.ctl('apply', other, status=2), 'was edited')
    with open(other, 'w') as file:
        json.dump({**plan, 'actions': [{**plan['actions'][0], 'do': 'create'}, *plan['actions'][1:]]}, file)
    has(bus.ctl('apply', other, status=2), 'was edited')
    # What began since the file was written nobody has read.
    with open(other, 'w') as file:
        json.dump({**plan, 'actions': [{**plan['actions'][0], 'blocked': ['mass']}, *plan['actions'][1:]]}, file)
    has(bus.ctl('apply', other, status=1), f'the doubt policy began since {other} was written')
    time.sleep(1)
    want(len(sim.snapshots()) == n, 'it deleted what the file no longer had')

    # What something else holds back as well is accepted all the same, and goes when that ends.
    bus.ctl('pause', '--prune')
    text = bus.ctl('apply', path)
    want(text.startswith(f'{n - 2} deletions accepted, once:\n'), text)
    want(text.count('; not now, held back by: paused\n') == n - 2, text)
    time.sleep(1)
    want(len(sim.snapshots()) == n, 'it deleted in a pause')
    bus.ctl('resume')
    wait_for(lambda: len(sim.snapshots()) == 2, 30, 'the deletions')
    rig.end()


@tap
def applying_once(folder):
    """apply without anything else in the way: the deletions go at once, and the file is used up"""
    rig = shortened(folder)
    bus, sim = rig.bus, rig.sim
    n = len(sim.snapshots())
    path = os.path.join(folder, 'plan.json')
    bus.ctl('plan', '-o', path)
    text = bus.ctl('apply', path)
    want(text.startswith(f'{n - 2} deletions accepted, once:\n  delete snapshot rg-snapshots/'), text)
    want(text.count('\n') == n - 1 and 'not now' not in text, text)
    wait_for(lambda: len(sim.snapshots()) == 2, 30, 'the deletions')
    bus.ctl('reload')  # the next listing confirms them
    wait_for(lambda: (now := rig.plan())['hash'] and not now['actions'], 30, 'an empty plan')
    has(bus.ctl('apply', path, status=1), f'from 0 creates and {n - 2} deletes to 0 and 0')
    bus.ctl('plan', '-o', path)
    has(bus.ctl('apply', path), 'there is nothing to accept')
    rig.end()


@tap
def retiring(folder):
    """retire shows a number and a hash, and with it deletes the generation to its end"""
    rig = Rig(folder)
    bus, sim = rig.bus, rig.sim
    rig.wait_snapshots(3)
    world = {d['id'].rsplit('/', 1)[1]: d['uniqueId'] for d in sim.get('/sim/world')['disks']}
    old, selected = world['disk-0002'], world['disk-0001']
    sim.post('/sim/world/recreate-disk', {'id': disk_id('disk-0002')})
    rig.calm(3)

    def ours(generation):
        return sum(s['sourceUniqueId'].lower() == generation.lower() for s in sim.snapshots())

    n = ours(old)
    want(n >= 3, f'{n} snapshots of the old generation')
    want(bus.error('RetirePlan', f'string:{selected}') == 'org.snapkeep1.Error.Selected', 'a selected one')
    want(bus.error('Retire', f'string:{selected}', 'string:0') == 'org.snapkeep1.Error.Selected', 'selected')
    has(bus.ctl('retire', selected, status=1), 'still select this generation')
    for unknown in ('0' * 8 + '-0000-0000-0000-' + '0' * 12, 'x', ''):
        want(bus.error('RetirePlan', f'string:{unknown}') == 'org.snapkeep1.Error.Unknown', unknown)
    shown = bus.ctl_json('retire', old.upper())
    want(shown['snapshots'] == n and shown['retired'] is False, str(shown))
    text = bus.ctl('retire', old)
    has(text, f'{n} snapshots would go, to the last one')
    has(text, f'snapkeepctl retire {old} --hash {shown["hash"]}')
    want(bus.error('Retire', f'string:{old}', 'string:0123') == 'org.snapkeep1.Error.Changed', 'another hash')
    want(ours(old) == n, 'it deleted without the hash')
    text = bus.ctl('retire', old, '--hash', shown['hash'])
    want(text.startswith(f'retired: {n} snapshots of generation {old}; ') and
         text.endswith('\nThey are shown until Azure is listed again.\n'), text)
    wait_for(lambda: ours(old) == 0, 30, 'the end of the generation')
    want(ours(selected) >= 3, 'another generation went too')
    rig.end()


@tap
def listing(folder):
    """list and chain show what the daemon last read, in pages, as --direct shows it"""
    rig = Rig(folder, '  gold: {schedule: {every: 1s}, keep: {last: 4}}', disks=3)
    bus, sim = rig.bus, rig.sim
    rig.wait_snapshots(4)
    rig.calm(4)
    bus.ctl('pause')
    time.sleep(1)
    taken = next(s for s in sim.snapshots() if '/disk-0001-' in s['id'])
    sim.post('/sim/world/tag', {'id': taken['id'], 'name': 'snapkeep-owner', 'value': 'other'})
    sim.post('/sim/world/tag', {'id': sim.snapshots()[-1]['id'], 'name': 'snapkeep-policy', 'value': 'old\x1b[31m'})
    bus.ctl('reload')
    rig.wait_read()
    total = len(sim.snapshots())

    seen = []
    for offset in range(0, total + 5, 5):
        page = bus.json('ListSnapshots', f'uint32:{offset}', 'uint32:5')
        want(page['total'] == total and page['offset'] == offset, str(page))
        want(len(page['snapshots']) == max(0, min(5, total - offset)), str(len(page['snapshots'])))
        seen += page['snapshots']
    want(sorted(row['id'] for row in seen) == sorted(s['id'] for s in sim.snapshots()), 'rows of all pages')
    want(seen == bus.json('ListSnapshots', 'uint32:0', 'uint32:0')['snapshots'], 'pages differ from the whole')
    want([row['kind'] for row in seen if row['id'] == taken['id']] == ['stranger'], str(seen))

    direct = ('--direct', '--policy', rig.daemon.path)
    here = json.loads(bus.run(CTL, 'list', *direct, '--json').stdout)
    there = bus.ctl_json('list')
    for key in ('owner', 'counts'):
        want(here[key] == there[key], f'{key}: {here[key]} {there[key]}')
    want(here['counts'] == {'ours': total - 2, 'unclaimed': 0, 'mistaken': 1, 'stranger': 1}, str(here['counts']))
    fate = lambda answer: [(row['id'], row['kept_by'], row['goes'], row['claimed_by']) for row in answer['snapshots']]
    want(fate(here) == fate(there) and len(fate(there)) == total - 2, f'{fate(here)}\n{fate(there)}')
    text = bus.ctl('list')
    want(len(re.findall(r'^rg-app/disk-000[123]  policy gold  generation \S+  \d+ snapshots$', text, re.M)) == 3, text)
    has(text, f'{total - 2} snapshots of ours in 3 series; beside them 0 unclaimed, 1 mistaken, 1 of others')

    text = bus.ctl('chain', 'DISK-0001')
    has(text, 'rg-app/disk-0001  generation ')
    has(text, 'stranger')
    of_disk = taken['sourceUniqueId'].lower()
    chain = bus.ctl_json('chain', 'rg-app/disk-0001')['chains'][0]
    want(chain['generation'] == of_disk, f'{of_disk}: {chain}')
    want([r['id'] for r in chain['snapshots']] == [r['id'] for r in reversed(seen) if r['generation'] == of_disk],
         str(chain))
    page = bus.json('ListChains', 'string:disk-0001', 'uint32:1', 'uint32:2')
    want([r['id'] for r in page['snapshots']] == [r['id'] for r in chain['snapshots'][1:3]], str(page))
    for disk, error, status, message in (('nosuch', 'Unknown', 1, 'no such disk'),
                                         ('a/b/c', 'Invalid', 1, 'a disk is given as'),
                                         (taken['id'], 'Invalid', 1, 'a disk is given as')):
        found = bus.error('ListChains', 'string:' + disk, 'uint32:0', 'uint32:0')
        want(found == 'org.snapkeep1.Error.' + error, f'{disk}: {found}')
        has(bus.ctl('chain', disk, status=status), message)
    rig.end()


@tap
def holding(folder):
    """hold and release: done when Azure shows it; what is not ours, or cannot be told, is refused"""
    rig = shortened(folder)  # all but one of six would go, and the doubt holds them back
    bus, sim = rig.bus, rig.sim
    first = sim.snapshots()[0]
    name = first['id'].rsplit('/', 1)[1]

    def tag(snapshot):
        return next(s for s in sim.snapshots() if s['id'] == snapshot['id'])['tags'].get('snapkeep-hold')

    has(bus.ctl('hold', name, status=2), 'hold needs --reason TEXT')
    want(bus.ctl('hold', name, '--reason', 'audit 7, till May') == f'snapshot {name} is held: audit 7, till May\n',
         'what it says')
    want(tag(first) == 'audit 7, till May', str(tag(first)))
    want(bus.ctl_json('hold', first['id'], '--reason', 'audit 7, till May')['state'] == 'done', 'again')
    has(bus.ctl('hold', name, '--reason', 'other', status=1), 'it is held already, and for another reason: audit 7')
    order = bus.ask('Hold', 'string:' + first['id'], 'string:audit 7, till May')
    order = wait_for(lambda: (o := json.loads(bus.ask('Order', 'string:' + order)))['state'] == 'done' and o, 20,
                     'the end of the order')
    want(order['kind'] == 'hold' and order['snapshot'] == first['id'] and order['version'] == 1, str(order))
    has(rig.daemon.said(), f'snapshot {name} is to be held (audit 7, till May), says')
    has(rig.daemon.said(), f'snapshot {name} is held: audit 7, till May')

    # It outlives the deletions that are let go.
    doubt = bus.json('ListDoubts', 'uint32:0', 'uint32:0')['doubts'][0]
    bus.ctl('ack', doubt['hash'])
    wait_for(lambda: len(sim.snapshots()) == 3, 30, 'the deletions')
    want(tag(first) is not None, 'the held one is gone')
    want(bus.ctl('release', name) == f'snapshot {name} is released, its hold was: audit 7, till May\n', 'release')
    wait_for(lambda: len(sim.snapshots()) == 2, 30, 'the end of the one that was released')

    for arguments, error in ((['Hold', 'string:none', 'string:x'], 'Unknown'),
                             (['Hold', 'string:a/b/c', 'string:x'], 'Invalid'),
                             (['Hold', 'string:none', 'string:'], 'Invalid'),
                             (['Hold', 'string:none', 'string:' + 'x' * 257], 'Invalid'),
                             (['Release', 'string:none'], 'Unknown'),
                             (['Order', 'string:0123456789abcdef'], 'Unknown')):
        found = bus.error(*arguments)
        want(found == 'org.snapkeep1.Error.' + error, f'{arguments}: {found}')
    theirs = sim.snapshots()[0]
    sim.post('/sim/world/tag', {'id': theirs['id'], 'name': 'snapkeep-owner', 'value': 'other'})
    bus.ctl('reload')
    rig.wait_read()
    want(bus.error('Hold', 'string:' + theirs['id'], 'string:x') == 'org.snapkeep1.Error.NotOurs', 'a stranger')
    has(bus.ctl('hold', theirs['id'], '--reason', 'x', status=1), 'what is not ours is never changed')
    rig.end()


@tap
def adopting(folder):
    """adopt: a snapshot made by hand becomes ours, under the policy of its disk; others are refused by name"""
    rig = Rig(folder, '  gold: {schedule: {every: 1s}, keep: {last: 4}}')
    bus, sim = rig.bus, rig.sim
    rig.wait_snapshots(2)
    rig.calm(4)
    group = disk_id('x').split('/providers/')[0].rsplit('/', 1)[0] + '/rg-snapshots/providers/Microsoft.Compute/snapshots/'
    disks = {d['id'].rsplit('/', 1)[1]: d for d in sim.get('/sim/world')['disks']}

    def add(name, **change):
        disk = disks['disk-0001']
        sim.post('/sim/world/add', {'snapshots': [{
            'id': group + name, 'location': disk['location'], 'uniqueId': '%08x-0000-4000-8000-000000000000' % len(made),
            'sourceResourceId': disk['id'], 'sourceUniqueId': disk['uniqueId'], 'provisioningState': 'Succeeded',
            'timeCreated': f'2020-01-0{len(made) + 1}T00:00:00.5+00:00', 'tags': {'by': 'hand'}, **change}]})
        made.append(name)

    made = ['-']
    add('by-hand')
    add('by-hand-2')
    add('full', incremental=False)
    add('theirs', tags={'snapkeep-owner': 'other'})
    add('of-nothing', sourceUniqueId='00000000-1111-4000-8000-000000000001')
    bus.ctl('pause')
    bus.ctl('reload')
    rig.wait_read()

    def row(name):
        rows = bus.json('ListSnapshots', 'uint32:0', 'uint32:0')['snapshots']
        return next(r for r in rows if r['name'] == name)

    want(row('by-hand')['kind'] == 'stranger', str(row('by-hand')))
    for name, error in (('full', 'NotIncremental'), ('of-nothing', 'Unmanaged'), ('none', 'Unknown'),
                        (next(s['id'] for s in sim.snapshots() if 'disk-0001-' in s['id']), 'AlreadyOurs')):
        found = bus.error('Adopt', 'string:' + name, 'string:')
        want(found == 'org.snapkeep1.Error.' + error, f'{name}: {found}')
    want(bus.error('Adopt', 'string:by-hand', 'string:silver') == 'org.snapkeep1.Error.Unmanaged', 'another policy')
    has(bus.ctl('adopt', 'theirs', status=1), 'its owner tag says that it belongs to other')
    has(bus.ctl('adopt', status=2), 'adopt needs at least one SNAPSHOT')
    text = bus.ctl('adopt', 'by-hand', 'full', 'RG-Snapshots/BY-HAND-2', '--under', 'gold', status=1)
    has(text, 'snapshot by-hand is ours from here on, under gold\nsnapshot by-hand-2 is ours from here on, under gold\nThe rule decides from now on')
    has(text, 'this snapshot is a full one')
    has(text, 'that was about full')
    tags = next(s for s in sim.snapshots() if s['id'].endswith('/by-hand'))['tags']
    want(tags['by'] == 'hand' and tags['snapkeep-owner'] == 'test' and tags['snapkeep-slot'] == '20200102T000000Z'
         and tags['snapkeep-policy'] == 'gold', str(tags))
    wait_for(lambda: row('by-hand')['kind'] == 'ours', 30, 'a listing that shows it')
    want(row('by-hand')['claimed_by'] == 'gold' and row('by-hand')['slot'] == '2020-01-02T00:00:00Z', str(row('by-hand')))
    want(row('full')['kind'] == 'stranger' and row('theirs')['kind'] == 'stranger', 'what was refused')
    want(bus.error('Adopt', 'string:by-hand', 'string:') == 'org.snapkeep1.Error.AlreadyOurs', 'again')
    rig.end()


@tap
def backing_up(folder):
    """backup: one more of a disk, beside the schedule and until its own date; what cannot be is refused by name"""
    rig = Rig(folder, disks=3)
    bus, sim = rig.bus, rig.sim
    rig.wait_snapshots(2)
    rig.calm(2)
    before = {s['id'] for s in sim.snapshots()}

    def added():
        return [s for s in sim.snapshots() if s['id'] not in before]

    def row(name):
        rows = bus.json('ListSnapshots', 'uint32:0', 'uint32:0')['snapshots']
        return next((r for r in rows if r['name'] == name), None)

    has(bus.ctl('backup', status=2), 'backup needs one DISK')
    for keep, text in (('30', 'without a unit'), ('1mo', 'months or years'), ('soon', 'expected is a time as 12h or 30d')):
        has(bus.ctl('backup', 'disk-0001', '--keep', keep, status=2), text)
    for arguments, error in ((['disk-0001', 3599, 'x', ''], 'Invalid'), (['disk-0001', 2**63, 'x', ''], 'Invalid'),
                             (['disk-0001', 2**64 - 1, 'x', ''], 'Invalid'), (['disk-0001', 86400, '', ''], 'Invalid'),
                             (['a/b/c', 86400, 'x', ''], 'Invalid'), (['nosuch', 86400, 'x', ''], 'Unknown'),
                             (['disk-0001', 86400, 'x', 'iron'], 'Unmanaged')):
        disk, keep, reason, under = arguments
        found = bus.error('Backup', 'string:' + disk, f'uint64:{keep}', 'string:' + reason, 'string:' + under)
        want(found == 'org.snapkeep1.Error.' + error, f'{arguments}: {found}')
    has(bus.ctl('backup', 'nosuch', status=1), 'no such disk')
    want(added() == [], 'what is refused takes nothing')

    run = bus.run(CTL, 'backup', 'RG-App/disk-0001', '--keep', '2h', '--reason', 'before the upgrade', '--utc')
    want(run.returncode == 0, run.stderr)
    taken, = added()
    name = taken['id'].rsplit('/', 1)[1]
    has(run.stdout, f'snapshot {name} is complete, kept until ')
    tags = taken['tags']
    slot, until = (datetime.datetime.strptime(tags[key], '%Y%m%dT%H%M%SZ') for key in ('snapkeep-slot', 'snapkeep-until'))
    want((until - slot).total_seconds() == 7200 and slot.second == 0, str(tags))
    want(tags['snapkeep-reason'] == 'before the upgrade' and tags['snapkeep-policy'] == 'gold', str(tags))
    found = wait_for(lambda: row(name), 30, 'a listing that shows it')
    want(found['kind'] == 'ours' and found['backup'] and found['claimed_by'] == 'gold', str(found))
    want(found['kept_by'] == [until.strftime('backup until %Y-%m-%dT%H:%M:%SZ')]
         and found['goes'] == until.strftime('%Y-%m-%dT%H:%M:%SZ'), str(found))
    others = [r for r in bus.json('ListSnapshots', 'uint32:0', 'uint32:0')['snapshots'] if r['name'] != name]
    want(all(r['backup'] is False for r in others), str(others))
    has(bus.ctl('list'), 'backup until ')
    has(bus.ctl('chain', 'disk-0001'), '3 of 500 in the chain')
    series = bus.json('ListSeries', 'uint32:0', 'uint32:0')['series']
    want({r['complete'] for r in series} == {2}, str(series))
    has(rig.daemon.said(), 'a backup of disk disk-0001 is to be taken and kept until ')

    answer = json.loads(bus.run(CTL, 'backup', 'disk-0002', '--json').stdout)
    want(answer['version'] == 1 and answer['kind'] == 'backup' and answer['state'] == 'done', str(answer))
    want(len(added()) == 2, str(added()))
    bus.ctl('pause')
    has(bus.ctl('backup', 'disk-0003', status=1), 'everything is paused')
    want(len(added()) == 2, str(added()))
    rig.end()


@tap
def reloading(folder):
    """reload waits for the new policy; a wrong one is refused with its error, and the old one stays"""
    rig = Rig(folder)
    bus = rig.bus
    rig.rewrite('  gold: {schedule: {every: 2s}, kepp: {last: 3}}')
    want(bus.error('Reload') == 'org.snapkeep1.Error.Policy', 'a wrong policy')
    text = bus.ctl('reload', status=1)
    has(text, 'the old one stays in force')
    has(text, f'{rig.daemon.path}:')
    has(text, 'kepp')
    has(rig.daemon.said(), 'the policy was not reloaded')

    # Who looks later sees it too: with this file the next start would fail.
    def refused():
        return [r for r in bus.json('Status')['reasons'] if r.startswith('the policy file was refused')]

    want(len(refused()) == 1, str(bus.json('Status')))
    has(bus.ctl('status', status=1), 'the policy file was refused')
    want(bus.json('Status')['health'] == 'warning', str(bus.json('Status')))
    rig.rewrite('  silver: {schedule: {every: 2s}, keep: {last: 3}}')
    bus.ctl('reload')
    rig.wait_read()
    rows = bus.json('ListSeries', 'uint32:0', 'uint32:0')['series']
    want({row['policy'] for row in rows} == {'silver'}, str(rows))
    want(refused() == [], str(refused()))

    # What cannot be written is not forgotten by it.
    rig.daemon.stop()
    rig.daemon = Daemon(DAEMON, folder, rig.text(), DBUS_SYSTEM_BUS_ADDRESS=bus.address)
    wait_for(bus.is_served, 20, 'an answer of the daemon')
    has(bus.ctl('pause'), 'or until a restart, since there is no state directory')
    bus.ctl('reload')
    want([d['doubt'] for d in bus.json('ListDoubts', 'uint32:0', 'uint32:0')['doubts']] == ['all paused'], 'no pause')

    # A directory that is there no more stands for one without room.
    rig.daemon.stop()
    rig.start()
    shutil.rmtree(rig.state)
    has(bus.ctl('pause', '--prune'), 'no deletions until "snapkeepctl resume"; deletions are paused until resumed, or '
        'until a restart, since the state cannot be written')
    has(' '.join(bus.json('Status')['reasons']), 'the state cannot be written')
    bus.ctl('reload')
    want('paused' in [d['doubt'] for d in bus.json('ListDoubts', 'uint32:0', 'uint32:0')['doubts']], 'no pause')
    rig.end()


@tap
def changes(folder):
    """PropertiesChanged tells of the properties that changed"""
    rig = Rig(folder)
    log = os.path.join(folder, 'signals.log')
    with open(log, 'w') as file:
        start(['dbus-monitor', '--system', "type='signal',interface='org.freedesktop.DBus.Properties'"],
              stdout=file, stderr=file,
              env=plain_environment(DBUS_SYSTEM_BUS_ADDRESS=rig.bus.address))
    rig.wait_read()
    time.sleep(0.5)
    rig.bus.ask('Pause', 'boolean:false', 'uint64:0')

    def told():
        with open(log) as file:
            text = file.read()
        return 'member=PropertiesChanged' in text and '"NDoubts"' in text and '"Health"' in text \
            and f'"{INTERFACE}"' in text

    wait_for(told, 20, 'the signal')
    rig.end()


@tap
def restarted(folder):
    """the bus goes and comes back: the daemon works on, and takes its name again"""
    rig = Rig(folder)
    for _ in range(3):
        rig.bus.stop()
        has(rig.bus.ctl('status', status=3), "D-Bus, on which snapkeepd takes orders, cannot be reached")
        created = rig.sim.stats()['effects']['created']
        wait_for(lambda: rig.sim.stats()['effects']['created'] > created, 20, 'snapshots without a bus')
        rig.bus.start()
        wait_for(rig.bus.is_served, 20, 'the name')
        rig.bus.ask('Resume')
    want(rig.daemon.said().count("the system's bus has gone") == 3, 'how often it was said')
    want(rig.daemon.said().count('takes orders on the bus as org.snapkeep1') == 4, 'how often it was said')
    rig.end()


@tap
def appears(folder):
    """without any bus the daemon says so once, works, and takes its name when one appears"""
    sim = Sim(SIM, folder, '--disks', 2, '--operation-ms', 50, '--linger-ms', 0, '--no-limits')
    bus = Bus(folder)
    daemon = Daemon(DAEMON, folder, policy(sim, '  gold: {schedule: {every: 2s}, keep: {last: 2}}'),
                    DBUS_SYSTEM_BUS_ADDRESS=bus.address)
    wait_for(lambda: sim.stats()['effects']['created'] >= 4, 20, 'snapshots without a bus')
    want(daemon.said().count('there is no system bus (No such file or directory)') == 1, daemon.said())
    want(daemon.said().count('there is no state directory') == 1, daemon.said())
    bus.start()
    wait_for(bus.is_served, 20, 'the name')

    # A second one waits for the name, and has it when the first ends.
    other = os.path.join(folder, 'other')
    os.mkdir(other)
    second = Daemon(DAEMON, other, policy(sim, '  gold: {schedule: {every: 2s}, keep: {last: 2}}'),
                    DBUS_SYSTEM_BUS_ADDRESS=bus.address)
    wait_for(lambda: 'another process has the name org.snapkeep1' in second.said(), 20, 'the queue')
    want(daemon.stop() == 0, 'SIGTERM is no failure')
    wait_for(lambda: 'takes orders on the bus' in second.said(), 20, 'the name of the second')
    want(bus.is_served(), 'the second does not answer')
    want(second.stop() == 0, 'SIGTERM is no failure')


@tap
def refused_name(folder):
    """a bus that does not give the name: said once, and the work goes on"""
    sim = Sim(SIM, folder, '--disks', 1, '--operation-ms', 50, '--linger-ms', 0, '--no-limits')
    bus = Bus(folder)
    with open(bus.config) as file:
        text = file.read()
    with open(bus.config, 'w') as file:
        file.write(re.sub(r'<include>.*</include>', '', text))
    bus.start()
    daemon = Daemon(DAEMON, folder, policy(sim, '  gold: {schedule: {every: 2s}, keep: {last: 2}}'),
                    DBUS_SYSTEM_BUS_ADDRESS=bus.address)
    wait_for(lambda: 'the bus does not give us the name org.snapkeep1' in daemon.said(), 20, 'the complaint')
    wait_for(lambda: sim.stats()['effects']['created'] >= 3, 20, 'snapshots')
    want(daemon.said().count('does not give us the name') == 1, 'how often it was said')
    want(daemon.stop() == 0, 'SIGTERM is no failure')


@tap
def no_daemon(folder):
    """without a daemon every verb says so, what works all the same, and ends with its own status"""
    bus = Bus(folder).start()
    plan = os.path.join(folder, 'plan.json')
    with open(plan, 'w') as file:
        json.dump({'version': 1, 'hash': '0' * 64}, file)
    for verb in (['plan'], ['list'], ['list', '--unclaimed'], ['chain', 'x'], ['plan', '-o', plan + '2'], ['apply', plan], ['ack', 'x'], ['pause'], ['resume'],
                 ['retire', 'x'], ['retire', 'x', '--hash', 'y'], ['hold', 'x', '--reason', 'y'],
                 ['release', 'x'], ['adopt', 'x', 'y'], ['backup', 'x'], ['reload']):
        text = bus.ctl(*verb, status=4)
        has(text, 'snapkeepd does not run')
        has(text, 'plan, list, chain and explain with --direct')
        want(text.count('\n') == 1, text)
    want(not os.path.exists(plan + '2'), 'a plan was written')
    has(bus.ctl('status', status=3), 'snapkeepd does not run')
    # What monitoring shows is on stdout.
    for bus_there in (True, False):
        if not bus_there:
            bus.stop()
        run = bus.run(CTL, 'status')
        want(run.stdout.startswith('unknown: ') and run.stdout.count('\n') == 1, run.stdout)
        has(run.stdout, 'snapkeepd does not run' if bus_there else 'cannot be reached')
        want(run.stdout[9:-1] not in run.stderr, run.stderr)
        has(run.stderr, 'systemctl status snapkeepd')
        answer = json.loads(bus.run(CTL, 'status', '--json').stdout)
        want((answer['version'], answer['health'], answer['summary']) == (1, 'unknown', run.stdout[9:-1]),
             str(answer))
    for verb, status in ((['plan'], 4), (['reload'], 4), (['status'], 3)):
        has(bus.ctl(*verb, status=status), 'cannot be reached')
    # The exit statuses of status are those of monitoring, wrong usage included.
    has(bus.ctl('status', '--frobnicate', status=3), 'unknown option')
    has(bus.ctl('status', 'a', 'b', status=3), 'is a second')
    has(bus.ctl('status', '--help'), 'Exit status: 0 ok; 1 warning; 2 critical; 3 unknown')
    has(bus.ctl('reload', '--help'), '4 the daemon does not run')


@tap
def not_read(folder):
    """before Azure was read status is unknown, and what needs a plan is refused by name"""
    bus = Bus(folder).start()

    class Nowhere:
        base = 'http://127.0.0.1:9'

    daemon = Daemon(DAEMON, folder, policy(Nowhere, '  gold: {schedule: {every: 2s}, keep: {last: 2}}'),
                    DBUS_SYSTEM_BUS_ADDRESS=bus.address)
    wait_for(bus.is_served, 20, 'an answer')
    want(bus.json('Status')['health'] == 'unknown', 'health')
    wait_for(lambda: 'cannot be read' in bus.ctl('status', status=3), 20, 'why')
    said = bus.ctl('status', status=3)
    want(re.search(r'subscription [0-9a-f-]{36} cannot be read, will go on trying \(.*127\.0\.0\.1', said), said)
    plan = bus.json('Plan', 'uint32:0', 'uint32:0')
    want(plan['hash'] is None and plan['actions'] == [], str(plan))
    for verb in (['plan'], ['list'], ['chain', 'x']):
        want(bus.ctl(*verb, status=1) ==
             'snapkeepctl: 1 of 1 subscription was not read yet and is not in the answer\n', verb[0])
    want(json.loads(bus.run(CTL, 'plan', '--json').stdout)['actions'] == [], 'plan --json')
    want(bus.error('Apply', 'string:x') == 'org.snapkeep1.Error.NotRead', 'Apply')
    generation = 'string:00000000-0000-4000-8000-000000000000'
    want(bus.error('RetirePlan', generation) == 'org.snapkeep1.Error.NotRead', 'RetirePlan')
    want(bus.error('Retire', generation, 'string:x') == 'org.snapkeep1.Error.NotRead', 'Retire')
    want(bus.error('Hold', 'string:x', 'string:y') == 'org.snapkeep1.Error.NotRead', 'Hold')
    has(bus.ctl('release', 'x', status=1), 'nobody can say which snapshot that is')
    path = os.path.join(folder, 'plan.json')
    has(bus.ctl('plan', '-o', path, status=1), 'what is not known cannot be applied')
    want(not os.path.exists(path), 'a plan was written')
    want(daemon.stop() == 0, 'SIGTERM is no failure')


if __name__ == '__main__':
    if not shutil.which('dbus-daemon') or not shutil.which('dbus-send'):
        print('1..0 # SKIP dbus-daemon and dbus-send are not installed')
        sys.exit(0)
    sys.exit(tap.main())
