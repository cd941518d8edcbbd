#!/usr/bin/env python3
"""openapi: our traffic against Microsoft's OpenAPI of the disk provider, by its own validator.

    openapi.py AZURE-SIM SNAPKEEPD REQUESTS SOURCE        as TAP

The specification is no part of the project: SNAPKEEP_OPENAPI names its folder, else it is looked for
beside the source tree, as is the recorded traffic (SNAPKEEP_RECORDED). The validator is npm's, which
./dev installs into build-node/.
"""
import collections
import copy
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'integration'))

from rig import (COMPUTE, PREFIX, SUBSCRIPTION, Daemon, Sim, Skip, Tap, disk_id, policy,  # noqa: E402
                 snapshot_id, wait_for)

VERSION = '2024-03-02'
tap = Tap()

# Violations that recorded real traffic has, too, by name; the recordings must show each.
KNOWN = {
    ('response', 'OBJECT_ADDITIONAL_PROPERTIES', '/properties/isArmResource'):
        'the 202 of a PUT of 2021 says whose resource it is',
}
# Errors that are no CloudError, all seen in the wild (FACTS section 3, "Error shape").
ODD_ERRORS = {'bare-429', 'capitals', 'error-code', 'no-message', 'html', 'html-404', 'empty'}
# What the specification of the disk provider has no operation for.
UNSPECIFIED = re.compile(
    r'/DiskOperations/|/virtualMachines|/providers/Microsoft\.Resources/tags/|/resourceGroups/[^/]*$'
    r'|/providers/Microsoft\.Authorization/permissions$|/diskEncryptionSets/'
    r'|^/subscriptions/[^/]*$', re.IGNORECASE)


# ---------------------------------------------------------------------------------- the validator


class Validator:
    def __init__(self, source):
        beside = os.path.join(source, '..', 'shared', 'azure')
        self.specification = os.environ.get('SNAPKEEP_OPENAPI') or os.path.join(beside, 'openapi')
        self.recorded = os.environ.get('SNAPKEEP_RECORDED') or os.path.join(beside, 'recorded')
        self.modules = os.path.join(source, 'build-node', 'conformance')

    def need(self):
        if not os.path.isdir(self.specification):
            raise Skip(f'no specification at {self.specification}: set SNAPKEEP_OPENAPI')
        if not os.path.isdir(os.path.join(self.modules, 'node_modules')):
            raise AssertionError(f'no validator in {self.modules}: ./dev test installs it')

    def __call__(self, exchanges):
        """What it says of each: {"operation", "violations": [(side, code, place, message)]}."""
        self.need()
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'validate.mjs')
        run = subprocess.run(['node', script, self.modules, os.path.abspath(self.specification), VERSION],
                             input='\n'.join(map(json.dumps, exchanges)), text=True, timeout=300,
                             capture_output=True, check=False)
        if run.returncode != 0:
            raise AssertionError(f'validate.mjs: {run.stderr[-2000:]}')
        verdicts = [json.loads(line) for line in run.stdout.splitlines()]
        if len(verdicts) != len(exchanges):
            raise AssertionError(f'{len(verdicts)} verdicts on {len(exchanges)} exchanges')
        return verdicts

    def recordings(self):
        if not os.path.isdir(self.recorded):
            raise Skip(f'no recorded traffic at {self.recorded}: set SNAPKEEP_RECORDED')
        for name in sorted(os.listdir(self.recorded)):
            if name.endswith('.json'):
                with open(os.path.join(self.recorded, name)) as file:
                    yield from json.load(file)


def check(exchanges, verdicts):
    """No violation but the known ones; all that has no operation is named above. Returns how often
    each operation was seen with which status."""
    seen = collections.Counter()
    for exchange, verdict in zip(exchanges, verdicts):
        request, response = exchange['request'], exchange.get('response', {})
        what = f'{request["method"]} {request["url"]} {response.get("status", "")}'
        for *where, message in verdict['violations']:
            if tuple(where) not in KNOWN:
                raise AssertionError(f'{what}: {where}: {message}\n# {request.get("body")}\n'
                                     f'# {response.get("body")}')
        if not verdict['operation']:
            path = urllib.parse.urlsplit(request['url']).path
            if not UNSPECIFIED.search(path):
                raise AssertionError(f'{what}: the specification has no such operation')
        seen[verdict['operation'], response.get('status')] += 1
    return seen


def tell(seen):
    for (operation, status), n in sorted(seen.items(), key=str):
        print(f'# {n:4} {operation or "not in the specification"} {status or ""}')


def read_record(path):
    """The exchanges, and for each resource in an operation's answer, which the specification does not
    have, one that is as if it had been asked for by its id."""
    with open(path) as file:
        exchanges = [json.loads(line) for line in file]
    for exchange in list(exchanges):
        if '/DiskOperations/' not in exchange['request']['url'] or not exchange['response']['body']:
            continue
        body = json.loads(exchange['response']['body'])
        output = body.get('properties', {}).get('output', body)
        if 'id' in output:
            exchanges.append({'request': {'method': 'GET', 'url': output['id']},
                              'response': {**exchange['response'], 'body': json.dumps(output)}})
    return exchanges


# ------------------------------------------------------------------------- what azure-sim can answer


class Client:
    """Asks azure-sim with a token of its identity service."""

    def __init__(self, sim):
        self.base = sim.base
        request = urllib.request.Request(
            sim.base + '/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x',
            headers={'Metadata': 'true'})
        with urllib.request.urlopen(request, timeout=20) as reply:
            self.token = json.load(reply)['access_token']

    def __call__(self, method, path, body=None, token=None):
        """(status, body, headers); @path may be a whole URL."""
        url = path if path.startswith('http') else self.base + path
        if 'api-version=' not in url:
            url += ('&' if '?' in url else '?') + f'api-version={VERSION}'
        request = urllib.request.Request(
            url, None if body is None else json.dumps(body).encode(), method=method,
            headers={'Authorization': f'Bearer {token or self.token}',
                     'Content-Type': 'application/json'})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                text = reply.read()
                return reply.status, json.loads(text) if text else None, reply.headers
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text else None, error.headers

    def raw(self, method, path):
        """The status alone, of what may be no JSON."""
        request = urllib.request.Request(f'{self.base}{path}?api-version={VERSION}', method=method,
                                         headers={'Authorization': f'Bearer {self.token}'})
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status
        except urllib.error.HTTPError as error:
            return error.code

    def expect(self, status, method, path, body=None, code=None, token=None):
        found, answer, headers = self(method, path, body, token)
        if found != status or (code and (answer.get('error') or answer)['code'] != code):
            raise AssertionError(f'{method} {path}: {found} {answer} in place of {status} {code}')
        return answer, headers


def snapshot_of(disk, location='westeurope', **others):
    return {'location': location, 'tags': {'a': 'b'},
            'properties': {'creationData': {'createOption': 'Copy', 'sourceResourceId': disk},
                           'incremental': True}, **others}


def finish(ask, headers):
    """Follows both URLs of an operation to its end. Returns what its result was."""
    wait_for(lambda: ask('GET', headers['Azure-AsyncOperation'])[1]['status'] != 'InProgress', 20,
             'the end of an operation')
    return ask('GET', headers['Location'])[1]


def drive_snapshots(ask, disk):
    """A snapshot's life, with what is refused on the way."""
    one = snapshot_id('one')
    _, headers = ask.expect(202, 'PUT', one, snapshot_of(disk))
    ask.expect(200, 'GET', one)
    ask.expect(202, 'GET', headers['Location'])
    ask.expect(409, 'POST', one + '/beginGetAccess', {'access': 'Read', 'durationInSeconds': 60},
               'OperationNotAllowed')
    if finish(ask, headers)['properties']['provisioningState'] != 'Succeeded':
        raise AssertionError('the snapshot did not succeed')
    ask.expect(200, 'GET', one)
    ask.expect(202, 'PUT', one, snapshot_of(disk))
    ask.expect(400, 'PUT', one, snapshot_of(disk_id('disk-0002')), 'BadRequest')
    ask.expect(400, 'PUT', one, snapshot_of(disk, location=''), 'LocationRequired')
    ask.expect(400, 'PUT', one, {'location': 'westeurope'}, 'InvalidParameter')
    ask.expect(404, 'PUT', snapshot_id('two'), snapshot_of(disk_id('none')), 'ResourceNotFound')
    ask.expect(404, 'PUT', snapshot_id('two', 'none'), snapshot_of(disk), 'ResourceGroupNotFound')
    ask.expect(404, 'GET', snapshot_id('none'), code='ResourceNotFound')
    ask.expect(401, 'GET', one, code='InvalidAuthenticationToken', token='none')

    _, headers = ask.expect(202, 'POST', one + '/beginGetAccess',
                            {'access': 'Read', 'durationInSeconds': 60})
    if not finish(ask, headers)['accessSAS'].startswith('https://'):
        raise AssertionError('no SAS')
    ask.expect(200, 'GET', one)
    ask.expect(409, 'DELETE', one, code='OperationNotAllowed')
    _, headers = ask.expect(202, 'POST', one + '/endGetAccess')
    finish(ask, headers)

    tags = {'operation': 'Merge', 'properties': {'tags': {'c': 'd'}}}
    ask.expect(200, 'PATCH', one + '/providers/Microsoft.Resources/tags/default', tags)
    ask.expect(200, 'GET', one + '/providers/Microsoft.Resources/tags/default')
    ask.expect(202, 'PATCH', one, {'tags': {'e': 'f'}, 'properties': {'networkAccessPolicy': 'DenyAll'}})
    _, headers = ask.expect(202, 'DELETE', one)
    ask.expect(200, 'GET', one)
    finish(ask, headers)
    wait_for(lambda: ask('GET', one)[0] == 404, 20, 'the end of the snapshot')
    ask.expect(204, 'DELETE', one)


def drive_listings(ask):
    """Every listing, page by page; those with anything in them have several."""
    pages = collections.Counter()
    for path in (f'/subscriptions/{SUBSCRIPTION}', f'{PREFIX}/rg-app', f'{PREFIX}/rg-snapshots'):
        for kind in ('disks', 'snapshots'):
            link = f'{path}/{COMPUTE}/{kind}'
            while link:
                pages[path, kind] += 1
                link = ask.expect(200, 'GET', link)[0].get('nextLink')
    if sorted(pages.values())[:2] != [1, 1] or sorted(pages.values())[2] < 3:
        raise AssertionError(f'pages: {pages}')
    ask.expect(200, 'GET', f'/subscriptions/{SUBSCRIPTION}')
    ask.expect(200, 'GET', f'{PREFIX}/rg-app')


def drive_states(ask, sim):
    """Rows in every state, of every kind of disk, from both ends of the model's doors."""
    disks = {sku: disk_id(sku) for sku in ('UltraSSD_LRS', 'PremiumV2_LRS', 'Standard_LRS',
                                           'StandardSSD_ZRS', 'Premium_ZRS')}
    sim.post('/sim/world/add', {
        'disks': [{'id': id, 'sku': sku, 'sizeGB': 5000} for sku, id in disks.items()],
        'snapshots': [
            {'id': snapshot_id('failed'), 'sourceResourceId': disk_id('disk-0001'),
             'provisioningState': 'Failed'},
            {'id': snapshot_id('updating'), 'sourceResourceId': disk_id('disk-0001'),
             'provisioningState': 'Updating', 'incremental': False},
            {'id': snapshot_id('granted'), 'sourceResourceId': disk_id('none')},
            {'id': snapshot_id('half'), 'sourceResourceId': disks['UltraSSD_LRS'],
             'completionPercent': 50}]})
    sim.post('/sim/world/grant', {'id': snapshot_id('granted')})
    for number, disk in enumerate(disks.values()):
        ask.expect(200, 'GET', disk)
        ask.expect(202, 'PUT', snapshot_id(f'of-{number}'), snapshot_of(disk))
    for name in ('failed', 'updating', 'granted', 'half', 'of-0'):
        ask.expect(200, 'GET', snapshot_id(name))
    sim.post('/sim/world/lock', {'id': snapshot_id('failed')})
    ask.expect(409, 'DELETE', snapshot_id('failed'), code='ScopeLocked')


def drive_disks(ask, sim):
    disk = disk_id('made')
    body = {'location': 'westeurope', 'sku': {'name': 'Premium_LRS'}, 'tags': {},
            'properties': {'creationData': {'createOption': 'Empty'}, 'diskSizeGB': 64}}
    _, headers = ask.expect(202, 'PUT', disk, body)
    finish(ask, headers)
    ask.expect(200, 'GET', disk)
    for path in (disk, disk_id('disk-0002')):
        ask.expect(202, 'PATCH', path, {'tags': {'a': 'b'}})
    grant = {'access': 'Read', 'durationInSeconds': 60}
    finish(ask, ask.expect(202, 'POST', disk + '/beginGetAccess', grant)[1])
    ask.expect(200, 'GET', disk)
    finish(ask, ask.expect(202, 'POST', disk + '/endGetAccess')[1])
    secret = disk_id('secret')
    sim.post('/sim/world/add', {'disks': [
        {'id': secret, 'diskEncryptionSetId': f'{PREFIX}/rg-app/{COMPUTE}/diskEncryptionSets/des',
         'maxShares': 2},
        {'id': disk_id('new'), 'uploading': True}]})
    ask.expect(200, 'GET', secret)
    ask.expect(200, 'GET', disk_id('new'))
    sim.post('/sim/world/add', {'snapshots': [{'id': snapshot_id('secret'), 'sourceResourceId': secret}]})
    ask.expect(200, 'GET', snapshot_id('secret'))
    sim.post('/sim/world/add', {'vms': [{'id': disk.replace('/disks/', '/virtualMachines/'),
                                         'osDisk': disk}]})
    ask.expect(200, 'GET', disk)
    ask.expect(200, 'GET', f'{PREFIX}/rg-app/{COMPUTE}/virtualMachines')
    ask.expect(409, 'DELETE', disk, code='OperationNotAllowed')
    disk = disk_id('disk-0005')
    ask.expect(202, 'DELETE', disk)
    wait_for(lambda: ask('GET', disk)[0] == 404, 20, 'the end of the disk')


def drive_limits(ask):
    """The seventh in five minutes is the last."""
    disk = disk_id('disk-0003')
    for number in range(7):
        ask.expect(202, 'PUT', snapshot_id(f'burst-{number}'), snapshot_of(disk))
    ask.expect(409, 'PUT', snapshot_id('burst-8'), snapshot_of(disk), 'OperationNotAllowed')


def fault_names(azure_sim):
    text = subprocess.run([azure_sim, '--help'], capture_output=True, text=True, check=True).stdout
    return text.partition('\nFaults:')[2].split()


def drive_faults(ask, sim, names):
    """Every error on demand, twice on one request, and then no more."""
    disk = disk_id('disk-0001')
    for name in names:
        if name.startswith(('lost-', 'odd-')) or name == 'failed-operation' or name in ODD_ERRORS:
            continue
        sim.post('/sim/faults', {'faults': [{'fault': name, 'request': 'get_disk', 'times': 2}]})
        statuses = [ask('GET', disk)[0] for _ in range(3)]
        if min(statuses[:2]) < 400 or statuses[2] != 200:
            raise AssertionError(f'{name}: {statuses}')


def record_replies(folder, azure_sim):
    path = os.path.join(folder, 'record')
    sim = Sim(azure_sim, folder, '--disks', 5, '--page-size', 2, '--operation-ms', 100, '--record', path)
    ask = Client(sim)
    drive_snapshots(ask, disk_id('disk-0001'))
    drive_disks(ask, sim)
    drive_states(ask, sim)
    drive_limits(ask)
    drive_listings(ask)
    drive_faults(ask, sim, fault_names(azure_sim))
    sim.end()
    return read_record(path)


# -------------------------------------------------------------------------------------------- tests


@tap
def known(folder, binaries, validator):
    """recorded real traffic has the violations that are known, and no other"""
    exchanges = [{'request': pair['request'], 'response': pair['response']}
                 for pair in validator.recordings()]
    verdicts = validator(exchanges)
    found = {tuple(where) for verdict in verdicts for *where, _ in verdict['violations']}
    if found != set(KNOWN):
        raise AssertionError(f'known and not recorded: {set(KNOWN) - found}, recorded and not known: '
                             f'{found - set(KNOWN)}')
    covered = sum(verdict['operation'] is not None for verdict in verdicts)
    print(f'# {covered} of {len(exchanges)} exchanges are of the disk provider\'s specification')
    for where, reason in KNOWN.items():
        print(f'# {" ".join(where)}: {reason}')


@tap
def requests(folder, binaries, validator):
    """every request that azure/requests.h can make is as specified"""
    run = subprocess.run([binaries['requests'], 'https://management.azure.com', SUBSCRIPTION,
                          disk_id('disk-0001'), snapshot_id('one')], capture_output=True, text=True,
                         timeout=60, check=True)
    exchanges = [json.loads(line) for line in run.stdout.splitlines()]
    with open(os.path.join(binaries['source'], 'src/azure/requests.h')) as header:
        made = set(re.findall(r'^struct http_request \*(arm_\w+)\(', header.read(), re.MULTILINE))
    if not made or made != {exchange['function'] for exchange in exchanges}:
        raise AssertionError(f'requests.c and requests.h differ: {made}')
    seen = check(exchanges, validator(exchanges))
    tell(seen)
    if seen['Snapshots_CreateOrUpdate', None] != 18:
        raise AssertionError('not every snapshot was looked at')


@tap
def daemon(folder, binaries, validator):
    """what snapkeepd and azure-sim say to each other over rounds that create and prune"""
    validator.need()
    path = os.path.join(folder, 'record')
    sim = Sim(binaries['azure-sim'], folder, '--disks', 5, '--page-size', 3, '--empty-pages', 30,
              '--operation-ms', 300, '--linger-ms', 0, '--no-limits', '--record', path)
    text = policy(sim, '  gold: {schedule: {every: 2s}, keep: {last: 2}}')
    process = Daemon(binaries['snapkeepd'], folder, text)
    wait_for(lambda: sim.stats()['effects']['deleted'] >= 10, 60, 'a few rounds')
    process.stop()
    sim.end()

    exchanges = read_record(path)
    seen = check(exchanges, validator(exchanges))
    tell(seen)
    for wanted in (('Disks_List', 200), ('Snapshots_List', 200), ('Snapshots_CreateOrUpdate', 202),
                   ('Snapshots_Get', 200), ('Snapshots_Delete', 202)):
        if not seen[wanted]:
            raise AssertionError(f'{wanted} did not occur')


@tap
def replies(folder, binaries, validator):
    """every reply that azure-sim can give is as specified"""
    validator.need()
    exchanges = record_replies(folder, binaries['azure-sim'])
    tell(check(exchanges, validator(exchanges)))


@tap
def odd(folder, binaries, validator):
    """errors that are not as specified come only where they are asked for, and break what they should"""
    validator.need()
    names = fault_names(binaries['azure-sim'])
    path = os.path.join(folder, 'record')
    sim = Sim(binaries['azure-sim'], folder, '--disks', 1, '--record', path)
    ask = Client(sim)
    for name in sorted(ODD_ERRORS):
        sim.post('/sim/faults', {'faults': [{'fault': name, 'times': 1}]})
        ask.raw('GET', disk_id('disk-0001'))
    for name, effect in (('lost-before', 0), ('lost-after', 1)):
        sim.post('/sim/faults', {'faults': [{'fault': name, 'request': 'put_snapshot'}]})
        try:
            ask('PUT', snapshot_id(name), snapshot_of(disk_id('disk-0001')))
        except OSError:
            pass
        else:
            raise AssertionError(f'{name}: an answer')
        if sim.stats()['effects']['created'] != effect:
            raise AssertionError(f'{name}: {sim.stats()["effects"]}')
    sim.post('/sim/faults', {'faults': [{'fault': 'failed-operation'}]})
    headers = ask.expect(202, 'PUT', snapshot_id('fails'), snapshot_of(disk_id('disk-0001')))[1]
    wait_for(lambda: ask('GET', headers['Azure-AsyncOperation'])[1]['status'] == 'Failed', 20, 'a failure')
    sim.end()

    exchanges = [e for e in read_record(path) if e['response']['status'] >= 400 and
                 '/disks/' in e['request']['url']]
    missed = [name for name, verdict in zip(sorted(ODD_ERRORS), validator(exchanges))
              if not verdict['violations']]
    if missed or not ODD_ERRORS < set(names):
        raise AssertionError(f'not odd: {missed} of {names}')


def broken(exchanges):
    """(what, exchange) for each of the ways in which an exchange can be wrong."""
    def one(method, kind, status):
        return next(e for e in exchanges if e['request']['method'] == method and
                    f'/{kind}/' in e['request']['url'] and e['response']['status'] == status and
                    '/tags/' not in e['request']['url'] and 'Access' not in e['request']['url'])

    def changed(exchange, side, change):
        exchange = copy.deepcopy(exchange)
        body = json.loads(exchange[side]['body'])
        change(body)
        exchange[side]['body'] = json.dumps(body)
        return exchange

    def status(exchange, number):
        exchange = copy.deepcopy(exchange)
        exchange['response']['status'] = number
        return exchange

    get, put = one('GET', 'snapshots', 200), one('PUT', 'snapshots', 202)
    refusal = one('GET', 'snapshots', 404)
    yield 'no location', changed(get, 'response', lambda b: b.pop('location'))
    yield 'a size in quotes', changed(get, 'response',
                                      lambda b: b['properties'].update(diskSizeGB='64'))
    yield 'a state that is a number', changed(get, 'response',
                                              lambda b: b['properties'].update(provisioningState=1))
    yield 'a time without a zone', changed(
        get, 'response', lambda b: b['properties'].update(timeCreated='23 November 2026'))
    yield 'an unknown member', changed(get, 'response', lambda b: b['properties'].update(slot='x'))
    yield 'half a percentage', changed(get, 'response',
                                       lambda b: b['properties'].update(completionPercent='half'))
    yield 'a status that is not there', status(get, 203)
    yield 'tags that are a list', changed(get, 'response', lambda b: b.update(tags=['a']))
    yield 'a request without location', changed(put, 'request', lambda b: b.pop('location'))
    yield 'a request with text for true', changed(
        put, 'request', lambda b: b['properties'].update(incremental='true'))
    yield 'a request of an unknown member', changed(
        put, 'request', lambda b: b['properties'].update(networkPolicy='DenyAll'))
    yield 'an error without its code', changed(refusal, 'response', lambda b: b['error'].pop('code'))
    yield 'an error that is text', changed(refusal, 'response', lambda b: b.update(error='gone'))


@tap
def bites(folder, binaries, validator):
    """a broken reply is caught, and a broken request"""
    validator.need()
    cases = list(broken(record_replies(folder, binaries['azure-sim'])))
    missed = [what for (what, _), verdict in zip(cases, validator([e for _, e in cases]))
              if all(tuple(where) in KNOWN for *where, _ in verdict['violations'])]
    if missed:
        raise AssertionError(f'not caught: {", ".join(missed)}')
    print(f'# {len(cases)} kinds')


def main():
    names = ('azure-sim', 'snapkeepd', 'requests', 'source')
    binaries = dict(zip(names, map(os.path.abspath, sys.argv[1:])))
    return tap.main(binaries, Validator(binaries['source']))


if __name__ == '__main__':
    sys.exit(main())
