#!/usr/bin/env python3
"""sim-rules: what azure-sim's options and orders do to those who ask it.

    sim-rules.py AZURE-SIM        as TAP
"""
import json
import subprocess
import sys
import urllib.error
import urllib.request

from rig import COMPUTE, PREFIX, SUBSCRIPTION, Sim, Tap, disk_id

tap = Tap()
V = 'api-version=2024-03-02'


def token(sim):
    request = urllib.request.Request(
        f'{sim.base}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x',
        headers={'Metadata': 'true'})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)['access_token']


def ask(sim, path, bearer, put=None):
    """(status, body, headers) of a GET, or of a PUT of that"""
    request = urllib.request.Request(f'{sim.base}{path}?{V}', put and json.dumps(put).encode(),
                                     headers={'Authorization': f'Bearer {bearer}'},
                                     method='PUT' if put else 'GET')
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.load(reply), reply.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or 'null'), error.headers


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError(f'{what}: {found!r} in place of {wanted!r}')


def throttled_at(sim, n):
    """How many listings of @n pass, and how long the first that does not is to wait."""
    bearer = token(sim)
    for passed in range(n):
        status, _, headers = ask(sim, f'/subscriptions/{SUBSCRIPTION}/{COMPUTE}/disks', bearer)
        if status == 429:
            return passed, int(headers['Retry-After'])
    return n, None


@tap
def rates(folder, azure_sim):
    """--rates: Azure's buckets, a multiple, or none; and what is no rate is refused"""
    for words, passed in ((('--rates', 'real'), 240), (('--rates', '2'), 300), (('--rates', 'off'), 300),
                          ((), 300)):
        sim = Sim(azure_sim, folder, '--disks', 1, *words)
        found, wait = throttled_at(sim, 300)
        same(found, passed, f'listings with {words}')
        if passed < 300 and not 100 < wait <= 180:
            raise AssertionError(f'Retry-After: {wait}')
        sim.end()
    for wrong in ('0', '-1', 'fast'):
        run = subprocess.run([azure_sim, '--listen', '0', '--disks', '1', '--rates', wrong],
                             capture_output=True, text=True, timeout=20, check=False)
        same((run.returncode, run.stderr),
             (2, f'azure-sim: --rates {wrong}: real, off or a factor from 1 is expected\n'), wrong)


@tap
def orders(folder, azure_sim):
    """rights, outages, lag and quota by order"""
    sim = Sim(azure_sim, folder, '--disks', 2)
    bearer = token(sim)
    disks, one = f'/subscriptions/{SUBSCRIPTION}/{COMPUTE}/disks', disk_id('disk-0001')

    def listed():
        return len(ask(sim, disks, bearer)[1]['value'])

    sim.post('/sim/world/rights', {'group': 'rg-app', 'rights': 'unlisted'})
    same((listed(), ask(sim, one, bearer)[0]), (0, 200), 'unlisted')
    sim.post('/sim/world/rights', {'group': 'rg-app', 'rights': 'none'})
    same((listed(), ask(sim, one, bearer)[0]), (0, 403), 'no rights')
    sim.post('/sim/world/rights', {'group': 'rg-app', 'rights': 'all'})
    same((listed(), ask(sim, one, bearer)[0]), (2, 200), 'all rights')

    sim.post('/sim/world/away', {'away': 'throttled', 'retry_after': 9})
    status, _, headers = ask(sim, one, bearer)
    same((status, headers['Retry-After']), (429, '9'), 'throttled')
    sim.post('/sim/world/away', {'away': '503'})
    same(ask(sim, one, bearer)[0], 503, 'away')
    sim.post('/sim/world/away', {'away': 'here'})
    same(ask(sim, one, bearer)[0], 200, 'here again')

    sim.post('/sim/world/lag', {'ms': 3600000})
    sim.post('/sim/world/add', {'disks': [{'id': f'{PREFIX}/rg-app/{COMPUTE}/disks/late'}]})
    same((listed(), ask(sim, disk_id('late'), bearer)[0]), (2, 200), 'a listing that lags')
    sim.post('/sim/world/lag', {'ms': 0})
    same(listed(), 3, 'a listing that does not')

    des = f'{PREFIX}/rg-app/{COMPUTE}/diskEncryptionSets/des'
    secret = disk_id('secret')
    sim.post('/sim/world/add', {'disks': [{'id': secret, 'diskEncryptionSetId': des,
                                           'maxShares': 2, 'uploading': True}]})
    snapshot = f'{PREFIX}/rg-snapshots/{COMPUTE}/snapshots/s'
    wanted = {'location': 'westeurope', 'properties': {'incremental': True, 'creationData': {
        'createOption': 'Copy', 'sourceResourceId': secret}}}

    def refusal():
        status, answer, _ = ask(sim, snapshot, bearer, wanted)
        return status, answer.get('error', {}).get('code')

    properties = ask(sim, secret, bearer)[1]['properties']
    same((properties['encryption']['diskEncryptionSetId'], properties['maxShares'],
          properties['diskState']), (des, 2, 'ReadyToUpload'), 'a disk of another kind')
    found = [d for d in sim.get('/sim/world')['disks'] if d['id'] == secret][0]
    same((found['diskEncryptionSetId'], found['maxShares'], found['uploading']), (des, 2, True),
         'the same in the world')
    same(refusal(), (409, 'OperationNotAllowed'), 'being uploaded')
    sim.post('/sim/world/end-upload', {'id': secret})
    for key, answer in (('disabled', (400, 'KeyVaultKeyNotEnabled')),
                        ('forbidden', (400, 'KeyVaultAccessForbidden')),
                        ('unreadable', (403, 'LinkedAuthorizationFailed')),
                        ('usable', (202, None))):
        sim.post('/sim/world/key', {'id': des, 'key': key})
        same(refusal(), answer, key)

    sim.post('/sim/world/quota', {'max': 1})
    for path, body in (('rights', {'rights': 'some'}), ('away', {'away': 'far'}),
                       ('key', {'id': des, 'key': 'lost'}), ('key', {'key': 'usable'}),
                       ('quota', {'max': 1, 'subscription': 'x'})):
        try:
            sim.post(f'/sim/world/{path}', body)
        except urllib.error.HTTPError as error:
            same(error.code, 404 if path == 'quota' else 400, path)
        else:
            raise AssertionError(f'{path} {body} was taken')
    sim.end()


if __name__ == '__main__':
    sys.exit(tap.main(sys.argv[1]))
