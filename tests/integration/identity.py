#!/usr/bin/env python3
"""identity: snapkeepd comes to its tokens, by each identity, from azure-sim.

    identity.py SNAPKEEPD AZURE-SIM        as TAP

The model checks what Entra, the identity service and the Arc agent check, but for an assertion's
signature, which the openssl command verifies here.
"""
import base64
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.parse

from hostile import GOLD, Azure, reply, same
from rig import SUBSCRIPTION, Daemon, Sim, Skip, Tap, policy, wait_for

sys.argv[1:3] = map(os.path.abspath, sys.argv[1:3])
tap = Tap()
TENANT, CLIENT = '22222222-2222-4222-8222-222222222222', '55555555-5555-4555-8555-555555555555'
OTHER = '66666666-6666-4666-8666-666666666666'
RESOURCE = ('/subscriptions/11111111-1111-4111-8111-111111111111/resourcegroups/rg/providers/'
            'Microsoft.ManagedIdentity/userAssignedIdentities/backup')
FEDERATED = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2lnbmVk'
ARC = '/var/opt/azcmagent/tokens'


def certificate(folder, passphrase=None):
    """A key and its certificate in one PEM file, and the thumbprint that Entra knows it by."""
    path = os.path.join(folder, 'sp')
    protect = ['-passout', f'pass:{passphrase}'] if passphrase else ['-nodes']
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-keyout', f'{path}.key',
                    '-out', f'{path}.crt', '-days', '2', '-subj', '/CN=snapkeep', *protect],
                   check=True, capture_output=True)
    with open(f'{path}.pem', 'w') as pem:
        pem.write(open(f'{path}.key').read() + open(f'{path}.crt').read())
    der = ssl.PEM_cert_to_DER_cert(open(f'{path}.crt').read())
    return f'{path}.pem', encode(hashlib.sha256(der).digest())


def encode(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def decode(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def world(folder, clients=(), identities=()):
    path = os.path.join(folder, 'world.json')
    with open(path, 'w') as file:
        json.dump({'groups': [{'subscription': SUBSCRIPTION, 'name': name, 'location': 'westeurope'}
                              for name in ('rg-app', 'rg-snapshots')],
                   'clients': [{'tenant': TENANT, 'client': CLIENT, **client} for client in clients],
                   'identities': list(identities),
                   'disks': [{'id': f'/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-app/providers/'
                                    'Microsoft.Compute/disks/disk-0001'}]}, file)
    return path


def credentials(folder, **texts):
    path = os.path.join(folder, 'credentials')
    os.makedirs(path, 0o700, exist_ok=True)
    for name, text in texts.items():
        with open(os.path.join(path, name), 'w') as file:
            file.write(text)
    return path


def once(folder, snapkeepd, sim, identity, login=True, status=0, **variables):
    """One round as that identity."""
    text = policy(sim, GOLD).replace('identity: managed', f'identity: {identity}')
    if not login:
        text = text.replace(f'login: "{sim.base}", ', '')
    daemon = Daemon(snapkeepd, folder, text, '--once', **variables)
    same(daemon.wait(), status, f'status\n{daemon.said()}')
    return daemon.said()


def principal(how):
    return f'{{service_principal: {{tenant: {TENANT}, client: {CLIENT}, {how}}}}}'


@tap
def managed(folder, snapkeepd, azure_sim):
    """a user-assigned identity by client, object and resource id, and none that is not there"""
    sim = Sim(azure_sim, folder, '--world', world(
        folder, identities=[{'clientId': CLIENT, 'objectId': OTHER, 'resourceId': RESOURCE}]))
    for number, which in enumerate((f'client_id: {CLIENT}', f'object_id: {OTHER}',
                                    f'resource_id: {RESOURCE}'), 1):
        once(folder, snapkeepd, sim, f'{{managed: {{{which}}}}}')
        same(sim.stats()['by_kind']['token'], number, 'tokens')
    said = once(folder, snapkeepd, sim, f'{{managed: {{client_id: {OTHER}}}}}', status=75)
    same('Identity not found; does this machine have the identity of azure.identity?' in said, True,
         said)
    sim.end()


@tap
def by_certificate(folder, snapkeepd, azure_sim):
    """a certificate: one that Entra knows, and one that it does not"""
    path, thumbprint = certificate(folder)
    sim = Sim(azure_sim, folder, '--world', world(folder, [{'thumbprint': thumbprint}]))
    directory = credentials(folder, cert=open(path).read())
    said = once(folder, snapkeepd, sim, principal('certificate: cert'),
                CREDENTIALS_DIRECTORY=directory)
    same('is complete' in said, True, said)

    os.mkdir(os.path.join(folder, 'other'))
    path, _ = certificate(os.path.join(folder, 'other'))
    credentials(folder, cert=open(path).read())
    said = once(folder, snapkeepd, sim, principal('certificate: cert'), status=75,
                CREDENTIALS_DIRECTORY=directory)
    same('AADSTS700027' in said and
         'does the application have the certificate in the systemd credential "cert"?' in said, True,
         said)
    sim.end()


@tap
def assertion(folder, snapkeepd, azure_sim):
    """what goes out is signed with PS256, as openssl verifies by the certificate alone"""
    path, thumbprint = certificate(folder)
    sent = []

    def token(server, connection, request):
        sent.append(urllib.parse.parse_qs(request.body.decode()))
        return reply(200, json.dumps({'access_token': 'abc', 'expires_in': 3600}))

    server = Azure(token=token)
    once(folder, snapkeepd, server, principal('certificate: cert'),
         CREDENTIALS_DIRECTORY=credentials(folder, cert=open(path).read()))
    server.close()
    same(len(sent), 1, 'requests for a token')
    header, claims, signature = sent[0]['client_assertion'][0].split('.')
    same(json.loads(decode(header)), {'alg': 'PS256', 'typ': 'JWT', 'x5t#S256': thumbprint}, 'header')
    claims_read = json.loads(decode(claims))
    same(claims_read['aud'], f'{server.base}/{TENANT}/oauth2/v2.0/token', 'audience')
    same((claims_read['iss'], claims_read['sub']), (CLIENT, CLIENT), 'whose it is')
    same(300 <= claims_read['exp'] - claims_read['nbf'] <= 600, True, 'its life')
    for name, data in (('signed', f'{header}.{claims}'.encode()), ('signature', decode(signature))):
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(data)
    subprocess.run('openssl x509 -in sp.crt -noout -pubkey > public && openssl dgst -sha256 -verify '
                   'public -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -signature '
                   'signature signed', shell=True, cwd=folder, check=True, capture_output=True)


@tap
def workload(folder, snapkeepd, azure_sim):
    """a federated token, and that its file is read anew"""
    sim = Sim(azure_sim, folder, '--world', world(folder, [{'federated': FEDERATED}]))
    path = os.path.join(folder, 'token')
    variables = {'AZURE_TENANT_ID': TENANT, 'AZURE_CLIENT_ID': CLIENT,
                 'AZURE_FEDERATED_TOKEN_FILE': path, 'AZURE_AUTHORITY_HOST': sim.base + '/'}
    with open(path, 'w') as file:
        file.write('eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJvdGhlciJ9.' + 'x' * 400)
    said = once(folder, snapkeepd, sim, 'workload', status=75, **variables)
    same('AADSTS700213' in said, True, said)
    with open(path, 'w') as file:
        file.write(FEDERATED + '\n')
    once(folder, snapkeepd, sim, 'workload', **variables)
    once(folder, snapkeepd, sim, 'environment', **variables)
    said = once(folder, snapkeepd, sim, 'workload', status=75,
                **{**variables, 'AZURE_AUTHORITY_HOST': 'https://evil.example/'})
    same('(OtherAuthority)' in said, True, said)
    sim.end()


@tap
def environment(folder, snapkeepd, azure_sim):
    """the AZURE_ variables: a secret, a certificate behind a passphrase, the machine's own identity"""
    path, thumbprint = certificate(folder, 'open sesame')
    sim = Sim(azure_sim, folder, '--world',
              world(folder, [{'secret': 's3cret', 'thumbprint': thumbprint}],
                    [{'clientId': OTHER}]))
    who = {'AZURE_TENANT_ID': TENANT, 'AZURE_CLIENT_ID': CLIENT}
    once(folder, snapkeepd, sim, 'environment', **who, AZURE_CLIENT_SECRET='s3cret')
    once(folder, snapkeepd, sim, 'environment', **who, AZURE_CLIENT_CERTIFICATE_PATH=path,
         AZURE_CLIENT_CERTIFICATE_PASSWORD='open sesame')
    once(folder, snapkeepd, sim, 'environment', AZURE_CLIENT_ID=OTHER)
    once(folder, snapkeepd, sim, 'environment')
    same(sim.stats()['by_kind']['token'], 4, 'tokens')
    said = once(folder, snapkeepd, sim, 'environment', status=75, **who,
                AZURE_CLIENT_CERTIFICATE_PATH=path, AZURE_CLIENT_CERTIFICATE_PASSWORD='open')
    same(f'the file {path} holds no private key in PEM that can be read' in said, True, said)
    sim.end()


@tap
def discovered(folder, snapkeepd, azure_sim):
    """a cloud without a login endpoint: ARM tells it, and one that is nobody's neighbour is not asked"""
    sim = Sim(azure_sim, folder, '--world', world(folder, [{'secret': 's3cret'}]))
    directory = credentials(folder, secret='s3cret')
    once(folder, snapkeepd, sim, principal('secret: secret'), login=False,
         CREDENTIALS_DIRECTORY=directory)
    same(sim.stats()['by_kind']['discover'], 1, 'questions for the endpoints')
    sim.end()

    def foreign(server, connection, request):
        return reply(200, json.dumps({'authentication': {
            'loginEndpoint': 'https://login.evil.example/', 'audiences': [server.base]}}))

    server = Azure(token=foreign)
    said = once(folder, snapkeepd, server, principal('secret: secret'), login=False, status=75,
                CREDENTIALS_DIRECTORY=directory)
    same('(code ForeignLogin, status 200)' in said, True, said)
    server.close()


@tap
def two(folder, snapkeepd, azure_sim):
    """two identities, neither of which may do what is the other's"""
    sim = Sim(azure_sim, folder, '--operation-ms', '50', '--world', world(
        folder, [{'secret': 's3cret', 'role': 'pruner'}], [{'clientId': OTHER, 'role': 'creator'}]))
    identity = (f'{{create: {{managed: {{client_id: {OTHER}}}}}, '
                f'prune: {principal("secret: secret")}}}')
    text = policy(sim, '  gold: {schedule: {every: 1s}, keep: {last: 2}}').replace(
        'identity: managed', f'identity: {identity}')
    daemon = Daemon(snapkeepd, folder, text,
                    CREDENTIALS_DIRECTORY=credentials(folder, secret='s3cret'))
    wait_for(lambda: sim.stats()['effects']['deleted'] >= 3, 60, 'three deletions')
    same(daemon.stop(), 0, 'status')
    same(re.findall('.*AuthorizationFailed.*', daemon.said()), [], 'refusals')
    same(sim.stats()['by_kind']['token'], 2, 'tokens')
    sim.end()


@tap
def arc(folder, snapkeepd, azure_sim):
    """the Arc agent's challenge: its key, a key that is not its, a link in place of it"""
    if os.geteuid() != 0:
        raise Skip('only root can lay out the directory of an Arc agent')
    run = subprocess.run(['unshare', '--mount', sys.executable, __file__, snapkeepd, azure_sim,
                          '--inside', folder], capture_output=True, text=True, check=False)
    if run.returncode == 77:
        raise Skip(run.stderr.strip())
    same(run.returncode, 0, f'status\n{run.stderr}')


def arc_inside(folder, snapkeepd, azure_sim):
    """In a mount namespace of its own, with a directory of the agent that nobody else sees."""
    if subprocess.run(['mount', '-t', 'tmpfs', 'none', '/var/opt'], check=False).returncode != 0:
        sys.exit(77)
    os.makedirs(ARC)
    path = f'{ARC}/1.key'

    def lay(content):
        with open(path, 'w') as file:
            file.write(content)

    lay('arc-k3y')
    sim = Sim(azure_sim, folder, '--world', world(folder), '--arc-key', path)
    said = once(folder, snapkeepd, sim, 'arc', IDENTITY_ENDPOINT=f'{sim.base}/metadata/identity/'
                'oauth2/token', IMDS_ENDPOINT=sim.base)
    same('arc-k3y' in said, False, said)
    once(folder, snapkeepd, sim, 'environment', IDENTITY_ENDPOINT=f'{sim.base}/metadata/identity/'
         'oauth2/token', IMDS_ENDPOINT=sim.base)
    lay('another-k3y')
    said = once(folder, snapkeepd, sim, 'arc', status=75, IMDS_ENDPOINT=sim.base)
    same('is this machine connected to Azure Arc?' in said, True, said)
    same('another-k3y' in said, False, said)
    os.rename(path, f'{ARC}/real')
    os.symlink(f'{ARC}/real', path)
    said = once(folder, snapkeepd, sim, 'arc', status=75, IMDS_ENDPOINT=sim.base)
    same(f'(ELOOP): the Arc agent\'s key {path} cannot be read' in said, True, said)
    sim.end()

    # An agent that repeats what it is shown.
    os.unlink(path)
    lay('sh0wn-k3y-of-the-agent')

    def echo(server, connection, request):
        shown = request.headers.get('authorization')
        return reply(401, json.dumps({'error': shown or '', 'error_description': f'{shown}'}),
                     [f'WWW-Authenticate: Basic realm={path}'])

    server = Azure(token=echo)
    said = once(folder, snapkeepd, server, 'arc', status=75, IMDS_ENDPOINT=server.base)
    same('sh0wn' in said, False, said)
    same(any('sh0wn' in r.headers.get('authorization', '') for r in server.requests), True,
         'that it was shown')
    server.close()


if __name__ == '__main__':
    if '--inside' in sys.argv:
        arc_inside(sys.argv[4], *sys.argv[1:3])
        sys.exit(0)
    sys.exit(tap.main(*sys.argv[1:]))
