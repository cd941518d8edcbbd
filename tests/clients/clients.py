#!/usr/bin/env python3
"""clients: Microsoft's own clients against azure-sim, over HTTPS with an authority of the test's.

    clients.py AZURE-SIM SNAPKEEPD SOURCE sdk        npm's @azure/arm-compute, @azure/identity; as TAP
    clients.py AZURE-SIM SNAPKEEPD SOURCE debian     Debian's azure-cli and python3-azure; as TAP

Each does what an operator does with it; what it prints is compared with /sim/world, and what the
daemon made must be listed by it.
"""
import datetime
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'integration'))

from rig import (SUBSCRIPTION, Daemon, Sim, Tap, disk_id, plain_environment, policy,  # noqa: E402
                 snapshot_id, wait_for)
from tls import authority, certificate  # noqa: E402

TENANT, CLIENT = '22222222-2222-4222-8222-222222222222', '33333333-3333-4333-8333-333333333333'
SECRET = 'sim-secret'
GROUP, NAME = 'rg-snapshots', 'by-a-client'
MADE = snapshot_id(NAME).lower()
tap = Tap()


class Azure(Sim):
    """azure-sim with five disks, pages of two, and HTTPS beside HTTP."""

    def __init__(self, binary, folder, *options):
        for name in ('root', 'good'):
            if not os.path.exists(f'{name}.pem'):
                authority(name) if name == 'root' else certificate(name, 'root')
        self.ca = os.path.abspath('root.pem')
        port_file = os.path.join(folder, 'tls-port')
        super().__init__(binary, folder, '--disks', 5, '--page-size', 2, '--operation-ms', 100,
                         '--linger-ms', 0, '--tls-listen', '127.0.0.1:0', '--tls-port-file', port_file,
                         '--tls-cert', 'good.pem', '--tls-key', 'good.key', *options)
        port = wait_for(lambda: os.path.exists(port_file) and open(port_file).read().strip(), 20,
                        'the port for HTTPS')
        self.arm = f'https://127.0.0.1:{port}'
        # Some of them know an authority that is not Microsoft's by this name alone.
        self.post('/sim/world/add', {'clients': [{'tenant': 'adfs', 'client': CLIENT, 'secret': SECRET}]})

    def world(self, kind):
        return {row['id'].lower(): row for row in self.get('/sim/world')[kind]}


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError(f'{what}: {found!r} in place of {wanted!r}')


def instant(text):
    """Of what clients print, to the millisecond, which is all that JavaScript has."""
    head, _, rest = text.replace('Z', '+00:00').partition('.')
    fraction = ''.join(c for c in rest.partition('+')[0] if c.isdigit())[:3].ljust(3, '0')
    return datetime.datetime.fromisoformat(head[:19]), fraction


def truth(row):
    """Of a row of /sim/world, what every client can tell."""
    return {'location': row['location'], 'sku': row['sku'], 'size': row['sizeGB'],
            'uniqueId': row['uniqueId'], 'state': row['provisioningState'], 'tags': row['tags'],
            'time': instant(row['timeCreated']), 'source': row.get('sourceUniqueId'),
            'incremental': row.get('incremental')}


def told(row):
    """The same of what a client printed: JavaScript's and az's names differ by little."""
    return {'location': row['location'], 'sku': row['sku']['name'],
            'size': row.get('diskSizeGB') or row.get('diskSizeGb'), 'uniqueId': row['uniqueId'],
            'state': row['provisioningState'], 'tags': row.get('tags') or {},
            'time': instant(row['timeCreated']), 'source': row['creationData'].get('sourceUniqueId'),
            'incremental': row.get('incremental')}


def compare(rows, world, what):
    same({row['id'].lower(): told(row) for row in rows},
         {id: truth(row) for id, row in world.items()}, what)


def check_walk(sim, before, result):
    """What each step of a client's walk printed; @before is the world it began in."""
    disks = {id: row for id, row in sim.world('disks').items()}
    compare(result['disks'], disks, 'disks')
    compare([result['shown']], {result['shown']['id'].lower(): disks[result['shown']['id'].lower()]},
            'one disk')
    made = result['created']
    same(made['id'].lower(), MADE, 'the snapshot')
    same(made['provisioningState'], 'Succeeded', 'its state after the wait')
    same(made['creationData']['sourceUniqueId'], result['shown']['uniqueId'], 'its source')
    same(made['tags'], {'made': 'by the client'}, 'its tags')
    again = result['repeated']
    same((again['uniqueId'], again['timeCreated'], again['tags']),
         (made['uniqueId'], made['timeCreated'], {'made': 'twice'}), 'a PUT on an existing name')
    for listing in ('listed', 'inGroup'):
        same({row['id'].lower() for row in result[listing]}, {*before, MADE}, listing)
        same({row['uniqueId']: told(row) for row in result[listing]}[made['uniqueId']], told(again),
             'the snapshot as listed')
    same(result['granted'].startswith('https://md-'), True, f'a SAS: {result["granted"]}')
    same(result['open']['diskState'], 'ActiveSAS', 'the state while it is open')
    same(result['locked'], {'status': 409, 'code': 'OperationNotAllowed'}, 'DELETE while it is open')
    same(result['tagged']['tags'], {'made': 'by the client', 'seen': 'yes'}, 'tags')
    same(result['wrong'], {'status': 400, 'code': 'BadRequest'}, 'another source')
    same(result['missing'], {'status': 404, 'code': 'ResourceNotFound'}, 'no such snapshot')
    same({row['id'].lower() for row in result['left']}, set(before), 'what is left')
    same(set(sim.world('snapshots')), set(before), 'the world afterwards')


def add_strangers(sim, n=5):
    """Enough for three pages."""
    sim.post('/sim/world/add', {'snapshots': [
        {'id': snapshot_id(f'by-hand-{i}'), 'sourceResourceId': disk_id('disk-0003'),
         'tags': {'n': str(i)}} for i in range(n)]})


def daemon_round(folder, snapkeepd, sim):
    """One round of the daemon over HTTPS. Returns what it made."""
    text = policy(sim, '  gold: {schedule: {every: 1h}, keep: {last: 3}}')
    text = text.replace(f'arm: "{sim.base}"', f'arm: "{sim.arm}", ca: "{sim.ca}"')
    before = set(sim.world('snapshots'))
    same(Daemon(snapkeepd, folder, text, '--once').wait(), 0, 'the daemon')
    made = {id: row for id, row in sim.world('snapshots').items() if id not in before}
    same(len(made), 5, 'snapshots of the daemon')
    return made


# --------------------------------------------------------------------- npm's client for JavaScript


def given_to(sim, secret, **more):
    """What sdk.mjs and mgmt.py are told."""
    given = {'arm': sim.arm, 'login': sim.arm, 'tenant': TENANT, 'client': CLIENT,
             'subscription': SUBSCRIPTION, 'group': GROUP, 'name': NAME, 'disks': 'rg-app', **more}
    return json.dumps({**given, 'secret': secret} if secret else given)


def sdk_command(sim, command, secret, **more):
    modules = os.path.join(sim.source, 'build-node', 'clients')
    if not os.path.isdir(os.path.join(modules, 'node_modules')):
        raise AssertionError(f'no client in {modules}: ./dev test installs it')
    return ['node', os.path.join(HERE, 'sdk.mjs'), modules, command, given_to(sim, secret, **more)]


def sdk_environment(sim):
    return plain_environment(NODE_EXTRA_CA_CERTS=sim.ca, AZURE_POD_IDENTITY_AUTHORITY_HOST=sim.base)


def printed(command, environment, seconds=300):
    """The JSON on its standard output."""
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds,
                         check=False)
    if run.returncode != 0:
        raise AssertionError(f'{" ".join(command[:4])}: {run.stderr[:4000]}')
    return json.loads(run.stdout) if run.stdout.strip() else None


def sdk(sim, command, secret=None):
    return printed(sdk_command(sim, command, secret), sdk_environment(sim))


def sdk_walks(folder, binaries, secret):
    sim = Azure(binaries['azure-sim'], folder)
    sim.source = binaries['source']
    add_strangers(sim)
    before = sim.world('snapshots')
    check_walk(sim, before, sdk(sim, 'walk', secret))
    kinds = sim.stats()['by_kind']
    same((kinds['token'], kinds['discover']), (1, 1 if secret else 0), 'requests for tokens')
    same(kinds['list_snapshots'] >= 9, True, 'several pages')
    sim.end()


def sdk_lists(folder, binaries):
    sim = Azure(binaries['azure-sim'], folder)
    sim.source = binaries['source']
    made = daemon_round(folder, binaries['snapkeepd'], sim)
    compare(sdk(sim, 'list', SECRET), made, 'what the daemon made')
    sim.end()


def sdk_refused(folder, binaries):
    sim = Azure(binaries['azure-sim'], folder)
    sim.source = binaries['source']
    try:
        sdk(sim, 'list', 'another-secret')
    except AssertionError as error:
        same('AADSTS7000215' in str(error), True, f'the reason: {error}')
    else:
        raise AssertionError('a wrong secret is enough')
    same(sim.stats()['by_kind']['list_snapshots'], 0, 'listings')
    sim.end()


SDK = [
    ('JavaScript: a walk by a secret, compared with the world',
     lambda folder, binaries: sdk_walks(folder, binaries, SECRET)),
    ('JavaScript: a walk by the managed identity, compared with the world',
     lambda folder, binaries: sdk_walks(folder, binaries, None)),
    ('JavaScript: what the daemon made is listed, page by page', sdk_lists),
    ('JavaScript: a wrong secret is refused as Entra refuses it', sdk_refused),
]


# ------------------------------------------------------------------------- Debian's python3-azure


def mgmt(sim, command, secret=None):
    environment = plain_environment(REQUESTS_CA_BUNDLE=sim.ca, AZURE_POD_IDENTITY_AUTHORITY_HOST=sim.base)
    return printed(['/usr/bin/python3', os.path.join(HERE, 'mgmt.py'), command, given_to(sim, secret)],
                   environment)


def mgmt_walks(folder, binaries, secret):
    sim = Azure(binaries['azure-sim'], folder)
    add_strangers(sim)
    before = sim.world('snapshots')
    check_walk(sim, before, mgmt(sim, 'walk', secret))
    sim.end()


def mgmt_lists(folder, binaries):
    sim = Azure(binaries['azure-sim'], folder)
    made = daemon_round(folder, binaries['snapkeepd'], sim)
    compare(mgmt(sim, 'list', SECRET), made, 'what the daemon made')
    sim.end()


# ----------------------------------------------------------------------------- Debian's azure-cli


def az_environment(sim, folder):
    """Its state is the test's own, and nothing is told to Microsoft."""
    return plain_environment(REQUESTS_CA_BUNDLE=sim.ca, AZURE_CONFIG_DIR=os.path.join(folder, 'az'),
                             AZURE_CORE_COLLECT_TELEMETRY='false', AZURE_CORE_ONLY_SHOW_ERRORS='true',
                             MSI_ENDPOINT=f'{sim.base}/oauth2/token')


class Az:
    def __init__(self, sim, folder):
        self.environment = az_environment(sim, folder)
        self('cloud', 'register', '-n', 'Sim', '--endpoint-resource-manager', sim.arm,
             '--endpoint-active-directory', f'{sim.arm}/adfs', '--endpoint-management', sim.arm,
             '--endpoint-active-directory-resource-id', sim.arm, '--endpoint-gallery', sim.arm,
             '--endpoint-active-directory-graph-resource-id', sim.arm)
        self('cloud', 'set', '-n', 'Sim')

    def __call__(self, *words):
        return printed(['az', *words, '-o', 'json'], self.environment)

    def by_secret(self):
        return self('login', '--service-principal', '-u', CLIENT, '-p', SECRET, '--tenant', TENANT)

    def by_machine(self):
        return self('login', '--identity')

    def refusal(self, *words):
        """The line of an error."""
        try:
            self(*words)
        except AssertionError as error:
            return str(error)
        raise AssertionError(f'{words} was not refused')


def az_walks(folder, binaries):
    sim = Azure(binaries['azure-sim'], folder)
    add_strangers(sim)
    before = sim.world('snapshots')
    az = Az(sim, folder)
    same([row['id'] for row in az.by_secret()], [SUBSCRIPTION], 'subscriptions')
    where = ('-g', GROUP, '-n', NAME)
    disks = sim.world('disks')
    compare(az('disk', 'list'), disks, 'disks')
    shown = az('disk', 'show', '-g', 'rg-app', '-n', 'disk-0001')
    compare([shown], {shown['id'].lower(): disks[shown['id'].lower()]}, 'one disk')
    made = az('snapshot', 'create', *where, '--source', shown['id'], '--incremental', 'true', '--tags',
              'made=by the client')
    same((made['id'].lower(), made['provisioningState']), (MADE, 'Succeeded'), 'the snapshot')
    compare(az('snapshot', 'list'), sim.world('snapshots'), 'snapshots over several pages')
    grant = az('snapshot', 'grant-access', *where, '--duration-in-seconds', '300')
    same(grant['accessSas'].startswith('https://md-'), True, 'a SAS')
    same('(OperationNotAllowed)' in az.refusal('snapshot', 'delete', *where), True, 'DELETE while open')
    az('snapshot', 'revoke-access', *where)
    same(az('snapshot', 'update', *where, '--set', 'tags.seen=yes')['tags'],
         {'made': 'by the client', 'seen': 'yes'}, 'tags by GET and PUT')
    same('(ResourceNotFound)' in az.refusal('snapshot', 'show', '-g', GROUP, '-n', 'none'), True,
         'no such snapshot')
    az('snapshot', 'delete', *where)
    same(set(sim.world('snapshots')), set(before), 'the world afterwards')
    sim.end()


def az_lists(folder, binaries):
    sim = Azure(binaries['azure-sim'], folder)
    made = daemon_round(folder, binaries['snapkeepd'], sim)
    az = Az(sim, folder)
    same([row['id'] for row in az.by_machine()], [SUBSCRIPTION], 'subscriptions')
    compare(az('snapshot', 'list', '-g', GROUP), made, 'what the daemon made')
    sim.end()


DEBIAN = [
    ('Python: a walk by a secret, compared with the world',
     lambda folder, binaries: mgmt_walks(folder, binaries, SECRET)),
    ('Python: a walk by the managed identity, compared with the world',
     lambda folder, binaries: mgmt_walks(folder, binaries, None)),
    ('Python: what the daemon made is listed, page by page', mgmt_lists),
    ('az: a walk by a secret, compared with the world', az_walks),
    ('az: what the daemon made is listed, by the managed identity', az_lists),
]


def main():
    names = ('azure-sim', 'snapkeepd', 'source')
    binaries = dict(zip(names, map(os.path.abspath, sys.argv[1:4])))
    cases = {'sdk': SDK, 'debian': DEBIAN}[sys.argv[4]]
    for title, test in cases:
        test.__doc__ = title
        tap(test)
    with tempfile.TemporaryDirectory(prefix='snapkeep-clients-') as folder:
        os.chdir(folder)
        status = tap.main(binaries)
        os.chdir('/')
    return status


if __name__ == '__main__':
    sys.exit(main())
