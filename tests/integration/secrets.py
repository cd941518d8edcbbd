#!/usr/bin/env python3
"""secrets: known ones are planted, and then looked for where none may be.

    secrets.py SNAPKEEPD AZURE-SIM SNAPKEEPCTL        as TAP

Planted are a client secret, a certificate's key, a federated token, the tokens of the server, and the
password of a proxy (an Arc agent's key: identity.py). Looked through are the log, what snapkeepctl prints, error messages that an evil server fills with what it was
sent, /proc, the memory of the running daemon, and a core dump.
"""
import json
import os
import re
import resource
import signal
import ssl
import subprocess
import sys
import urllib.parse

from hostile import GOLD, TOKEN, Azure, reply, same
from rig import Daemon, Sim, Skip, Tap, plain_environment, policy, start, wait_for

sys.argv[1:] = map(os.path.abspath, sys.argv[1:])
from tls import authority, certificate  # noqa: E402, reads the command line

tap = Tap()
TENANT, CLIENT = '22222222-2222-4222-8222-222222222222', '33333333-3333-4333-8333-333333333333'
SECRET = 'Pl4nted~Cl1ent/S3cret+with=odd&marks'
PROXY_PASSWORD = 'pl4ntedPr0xyPassw0rd'
PRINCIPAL = ('identity: {service_principal: '
             f'{{tenant: {TENANT}, client: {CLIENT}, secret: azure-secret}}}}')
# In any of these forms it would be a leak; of a text that was cut, half is one too.
FORMS = {form for whole in (SECRET, TOKEN, PROXY_PASSWORD)
         for form in (whole, urllib.parse.quote(whole, safe=''), whole[:20])}


def credentials(folder, secret=SECRET):
    """The directory that systemd would make."""
    path = os.path.join(folder, 'credentials')
    os.mkdir(path, 0o700)
    with open(os.path.join(path, 'azure-secret'), 'w') as file:
        file.write(secret + '\n')
    return path


def by_secret(server):
    return policy(server, GOLD).replace('identity: managed', PRINCIPAL)


def is_silent(text, where, also=()):
    for form in FORMS | set(also):
        if form in text:
            raise AssertionError(f'{where} holds {form!r}:\n{text[:3000]}')


# ------------------------------------------------------------------------ no token: what is said


def world_with_client(folder, secret, expires):
    """azure-sim's own world of one disk, with another client."""
    path = os.path.join(folder, 'world.json')
    subscription = '11111111-1111-4111-8111-111111111111'
    with open(path, 'w') as file:
        json.dump({'groups': [{'subscription': subscription, 'name': name, 'location': 'westeurope'}
                              for name in ('rg-app', 'rg-snapshots')],
                   'clients': [{'tenant': TENANT, 'client': CLIENT, 'secret': secret,
                                **({'expires': expires} if expires else {})}],
                   'disks': [{'id': f'/subscriptions/{subscription}/resourceGroups/rg-app/providers/'
                                    'Microsoft.Compute/disks/disk-0001'}]}, file)
    return path


def refused_secret(folder, snapkeepd, azure_sim, in_azure, expires, why):
    sim = Sim(azure_sim, folder, '--world', world_with_client(folder, in_azure, expires))
    daemon = Daemon(snapkeepd, folder, by_secret(sim), '--once',
                    CREDENTIALS_DIRECTORY=credentials(folder))
    same(daemon.wait(), 75, 'status')
    wanted = (r'warning: nothing can be read or done in Azure, will go on trying: no token for the '
              rf'client {CLIENT} of tenant {TENANT} from {re.escape(sim.base)} \(code '
              rf'invalid_client, status 401\): {why} Trace ID: .*; is the secret '
              r'in the systemd credential "azure-secret" right and not expired\?  \w.*')
    if not re.search(rf'(?m)^\S+Z {wanted}$', daemon.said()):
        raise AssertionError(f'not said: {wanted}\n{daemon.said()}')
    is_silent(daemon.said(), 'the log', [in_azure])
    same({k for k, n in sim.stats()['by_kind'].items() if n > 0}, {'token'}, 'requests')
    sim.end()


@tap
def wrong_secret(folder, snapkeepd, azure_sim, ctl):
    """a wrong secret: who refused it, and where to look"""
    refused_secret(folder, snapkeepd, azure_sim, 'an0therS3cretOfAzure', None,
                   r'AADSTS7000215: Invalid client secret provided\.')


@tap
def expired_secret(folder, snapkeepd, azure_sim, ctl):
    """an expired secret: who refused it, and where to look"""
    refused_secret(folder, snapkeepd, azure_sim, SECRET, '2020-01-01T00:00:00Z',
                   r'AADSTS7000222: The provided client secret keys for app are expired\.')


@tap
def missing_credential(folder, snapkeepd, azure_sim, ctl):
    """a credential that is missing, empty, too large, a directory, or has a NUL: named, nothing sent"""
    path = os.path.join(folder, 'credentials')

    def with_content(content):
        os.mkdir(path)
        with open(os.path.join(path, 'azure-secret'), 'wb') as file:
            file.write(content)

    for make, why in [
            (None, r'\(ENOENT\): the systemd credential "azure-secret" cannot be read: No such file '
                   r'or directory'),
            (lambda: os.mkdir(path), r'\(ENOENT\): the systemd credential "azure-secret" cannot be '
                                     r'read: No such file or directory'),
            (lambda: os.makedirs(path + '/azure-secret'), r'\(EBADF\): .*"azure-secret".*'),
            (lambda: with_content(b'x' * 70000), r'\(E2BIG\): .*"azure-secret".*'),
            (lambda: with_content(b'a\0b'), r'\(EINVAL\): .*"azure-secret".*')]:
        server = Azure()
        if make:
            make()
        daemon = Daemon(snapkeepd, folder, by_secret(server), '--once',
                        **({'CREDENTIALS_DIRECTORY': path} if make else {}))
        same(daemon.wait(), 75, 'status')
        wanted = (rf'warning: nothing can be read or done in Azure, will go on trying: no token for the '
                  rf'client {CLIENT} of tenant {TENANT} from {re.escape(server.base)} {why}; see '
                  r'LoadCredential= in systemd\.exec\(5\)  \w.*')
        if not re.search(rf'(?m)^\S+Z {wanted}$', daemon.said()):
            raise AssertionError(f'not said: {wanted}\n{daemon.said()}')
        same(server.requests, [], 'requests')
        server.close()
        os.unlink(daemon.log)
        subprocess.run(['rm', '-rf', path], check=True)


# ------------------------------------------------------------------------------- logs and outputs


def echo(server, connection, request):
    """An error that repeats whatever came."""
    sent = request.headers.get('authorization', '') + ' ' + urllib.parse.unquote_plus(
        request.body.decode())
    return reply(400, json.dumps({'error': {'code': sent[:60], 'message': sent}}))


def echo_oauth(server, connection, request):
    raw = request.body.decode()
    sent = raw.split('client_secret=')[1].split('&')[0] if 'client_secret=' in raw else raw
    return reply(401, json.dumps({'error': 'invalid_client', 'error_description':
                                  f'{urllib.parse.unquote_plus(sent)} and {sent}'}))


@tap
def evil_errors(folder, snapkeepd, azure_sim, ctl):
    """servers that repeat token or secret in their errors do not get them into the log"""
    path = credentials(folder)
    for number, (text, worst) in enumerate([
            (policy, {'disks': echo}), (policy, {'snapshots': echo}), (policy, {'put': echo}),
            (None, {'token': echo_oauth}), (None, {'token': echo})]):
        server = Azure(**worst)
        own = os.path.join(folder, str(number))
        os.mkdir(own)
        daemon = Daemon(snapkeepd, own, policy(server, GOLD) if text else by_secret(server), '--once',
                        CREDENTIALS_DIRECTORY=path)
        same(daemon.wait(), 75, 'status')
        is_silent(daemon.said(), f'the log of {list(worst)}')
        server.close()


def key_and_certificate(folder):
    """In one PEM text, as the credential has it."""
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-keyout', 'k', '-out', 'c',
                    '-days', '2', '-nodes', '-subj', '/CN=x'], cwd=folder, check=True,
                   capture_output=True)
    with open(os.path.join(folder, 'k')) as key, open(os.path.join(folder, 'c')) as certificate:
        return key.read() + certificate.read()


def key_lines(pem):
    """What of the key's text would be a leak: any line of it."""
    return [line for line in pem.split('-----END PRIVATE')[0].splitlines()[2:] if len(line) == 64]


def echo_form(server, connection, request):
    """All fields of the form, and the assertion in its parts."""
    server.assertion = urllib.parse.parse_qs(request.body.decode())['client_assertion'][0]
    return reply(401, json.dumps({'error': 'invalid_client', 'error_description':
                                  urllib.parse.unquote_plus(request.body.decode())}))


@tap
def other_identities(folder, snapkeepd, azure_sim, ctl):
    """a certificate's key, what it signs, and a federated token: not told, whoever repeats them"""
    pem = key_and_certificate(folder)
    federated = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbDRudGVkIn0.pl4ntedF3deratedS1gnature'
    path, token = credentials(folder, pem), os.path.join(folder, 'token')
    with open(token, 'w') as file:
        file.write(federated)
    who = {'AZURE_TENANT_ID': TENANT, 'AZURE_CLIENT_ID': CLIENT}
    for number, (identity, variables) in enumerate([
            (PRINCIPAL.replace('secret:', 'certificate:'), {'CREDENTIALS_DIRECTORY': path}),
            ('identity: workload', {**who, 'AZURE_FEDERATED_TOKEN_FILE': token}),
            ('identity: environment', {**who, 'AZURE_CLIENT_CERTIFICATE_PATH':
                                       os.path.join(path, 'azure-secret')})]):
        server = Azure(token=echo_form)
        own = os.path.join(folder, str(number))
        os.mkdir(own)
        daemon = Daemon(snapkeepd, own, policy(server, GOLD).replace('identity: managed', identity),
                        '--once', **variables)
        same(daemon.wait(), 75, 'status')
        parts = server.assertion.split('.')
        same(len(parts), 3, 'parts of the assertion')
        is_silent(daemon.said(), f'the log of {identity}',
                  [parts[1][:30], parts[2][:20], parts[2][-20:], federated, *key_lines(pem)])
        server.close()


@tap
def memory_certificate(folder, snapkeepd, azure_sim, ctl):
    """neither a certificate's key nor what it signed is in the memory of the idle daemon"""
    if os.geteuid() != 0:
        raise Skip('the memory of a process that is not dumpable is for root')
    pem = key_and_certificate(folder)
    server = Azure(token=one_token_each)
    text = policy(server, GOLD).replace('identity: managed',
                                        PRINCIPAL.replace('secret:', 'certificate:'))
    daemon = Daemon(snapkeepd, folder, text, CREDENTIALS_DIRECTORY=credentials(folder, pem))
    wait_for(lambda: 'is complete' in daemon.said() and server.requests[-1].kind() == 'snapshots', 30,
             'the first round')
    parts = memory_of(daemon.process.pid)
    signature = urllib.parse.parse_qs(server.sent)['client_assertion'][0].split('.')[2]
    same(sum(n for _, n in found_in(parts, server.tokens[-1])), 1, 'copies of the token in use')
    for text in [*key_lines(pem), signature[:40], signature[-40:]]:
        same(found_in(parts, text), [], f'memory that holds {text}')
    same(daemon.stop(), 0, 'status')
    server.close()


@tap
def proxy_password(folder, snapkeepd, azure_sim, ctl):
    """the password of a proxy that is not there, or refuses, is not told"""
    def proxy(server, connection, request):
        return reply(407, '', [f'Proxy-Authenticate: Basic realm="{PROXY_PASSWORD}"'])

    answering = Azure()
    answering.worst = dict.fromkeys(('token', 'disks', 'get', 'connect'), proxy)
    for number, port in enumerate([9, answering.port]):
        server = Azure()
        own = os.path.join(folder, str(number))
        os.mkdir(own)
        url = f'http://user:{PROXY_PASSWORD}@127.0.0.1:{port}'
        text = policy(server, GOLD).replace(f'arm: "{server.base}"', 'arm: "https://127.0.0.2:9"')
        daemon = Daemon(snapkeepd, own, text, http_proxy=url, https_proxy=url)
        wait_for(lambda: 'cannot be read' in daemon.said(), 80, 'the failure')
        same(daemon.stop(), 0, 'status')
        is_silent(daemon.said(), 'the log')
        server.close()
    answering.close()


@tap
def ctl_outputs(folder, snapkeepd, azure_sim, ctl):
    """what snapkeepctl prints, as text and as JSON, and its errors"""
    path, file = credentials(folder), os.path.join(folder, 'policy.yaml')
    for worst in ({}, {'disks': echo}, {'token': echo_oauth}):
        server = Azure(**worst)
        with open(file, 'w') as out:
            out.write(by_secret(server))
        for verb in (['check'], ['list', '--direct', '--policy'], ['plan', '--direct', '--policy']):
            for option in ([], ['--json']):
                run = subprocess.run([ctl, *verb, file, *option], capture_output=True, text=True,
                                     timeout=60, check=False,
                                     env=plain_environment(CREDENTIALS_DIRECTORY=path))
                same(run.returncode, 0 if not worst or verb == ['check'] else 1,
                     f'{verb} {run.stderr}')
                is_silent(run.stdout + run.stderr, verb)
        server.close()


# ---------------------------------------------------------------------------- the running process


def one_token_each(server, connection, request):
    """Tokens that can be told apart; the request is kept."""
    server.sent = request.body.decode()
    server.tokens = getattr(server, 'tokens', []) + [f'{TOKEN}-{len(getattr(server, "tokens", []))}']
    return reply(200, json.dumps({'access_token': server.tokens[-1], 'expires_in': 3600,
                                  'token_type': 'Bearer'}))


def running(folder, snapkeepd, tls=None, **worst):
    """A daemon that has taken its snapshot by the client secret, and idles."""
    server = Azure(token=one_token_each, tls=tls, **worst)
    text = by_secret(server)
    if tls:
        text = text.replace('arm: ', f'ca: "{folder}/root.pem", arm: ')
    daemon = Daemon(snapkeepd, folder, text, CREDENTIALS_DIRECTORY=credentials(folder))
    wait_for(lambda: 'is complete' in daemon.said() and server.requests[-1].kind() == 'snapshots', 30,
             'the first round')
    return server, daemon


def memory_of(pid):
    """All that can be written or read in the process, as a debugger sees it."""
    parts = []
    with open(f'/proc/{pid}/maps') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as memory:
        for line in maps:
            begin, end = (int(x, 16) for x in line.split(' ')[0].split('-'))
            if ' r' not in line[:40] or '[v' in line:
                continue
            try:
                memory.seek(begin)
                parts.append((line.split()[-1], memory.read(end - begin)))
            except (OSError, ValueError, OverflowError):
                pass
    return parts


def found_in(parts, text):
    return [(name, one.count(text.encode())) for name, one in parts if text.encode() in one]


@tap
def proc(folder, snapkeepd, azure_sim, ctl):
    """environment and command line of the running daemon"""
    server, daemon = running(folder, snapkeepd)
    for name in ('environ', 'cmdline', 'comm', 'status', 'stat', 'maps'):
        with open(f'/proc/{daemon.process.pid}/{name}', errors='replace') as file:
            is_silent(file.read(), name)
    is_silent(daemon.said(), 'the log')
    same(daemon.stop(), 0, 'status')
    server.close()


def check_memory(server, daemon):
    """The token in use is there once, which shows that looking finds; the rest is not."""
    parts = memory_of(daemon.process.pid)
    encoded = urllib.parse.quote(SECRET, safe='~')
    same(encoded in server.sent, True, 'the form of the secret that was sent')
    in_use = found_in(parts, server.tokens[-1])
    same(sum(n for _, n in in_use), 1, f'copies of the token in use, {in_use}')
    for text in [SECRET, encoded, SECRET[:16], encoded[-16:], *server.tokens[:-1]]:
        same(found_in(parts, text), [], f'memory that holds {text}')
    same(daemon.stop(), 0, 'status')
    server.close()


def refuse_first(server, connection, request):
    """The first token is refused, once."""
    if request.headers['authorization'].endswith('-0'):
        return reply(401, '{"error": {"code": "ExpiredAuthenticationToken", "message": "Old."}}')
    return server.disks(server, connection, request)


@tap
def memory(folder, snapkeepd, azure_sim, ctl):
    """neither the client secret nor a token that was replaced is in the memory of the idle daemon"""
    if os.geteuid() != 0:
        raise Skip('the memory of a process that is not dumpable is for root')
    server, daemon = running(folder, snapkeepd, disks=refuse_first)
    same(len(server.tokens), 2, 'tokens')
    check_memory(server, daemon)


@tap
def memory_tls(folder, snapkeepd, azure_sim, ctl):
    """the same over HTTPS"""
    if os.geteuid() != 0:
        raise Skip('the memory of a process that is not dumpable is for root')
    back = os.getcwd()
    os.chdir(folder)
    authority('root')
    certificate('good', 'root')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain('good.crt')
    os.chdir(back)
    server, daemon = running(folder, snapkeepd, context, disks=refuse_first)
    check_memory(server, daemon)


@tap
def not_dumpable(folder, snapkeepd, azure_sim, ctl):
    """/proc of a daemon of an ordinary user belongs to root: not dumpable, not readable by its user"""
    if os.geteuid() != 0:
        raise Skip('only root can start a process of another user')
    server = Azure()
    path = os.path.join(folder, 'policy.yaml')
    with open(path, 'w') as file:
        file.write(policy(server, GOLD))
    os.chmod(folder, 0o755)
    try:
        with open(os.path.join(folder, 'snapkeepd.log'), 'w') as log:
            process = start([snapkeepd, '--policy', path], stderr=log, env=plain_environment(),
                            user=65534, group=65534, extra_groups=[])
    except PermissionError as error:
        raise Skip(f'another user cannot run the program: {error}') from error
    wait_for(lambda: any(r.kind() == 'put' for r in server.requests), 30, 'the PUT')
    for name in ('mem', 'environ', 'maps', 'fd'):
        same(os.stat(f'/proc/{process.pid}/{name}').st_uid, 0, f'owner of {name}')
    same(os.stat(f'/proc/{os.getpid()}/mem').st_uid, os.getuid(), 'owner of ours')
    process.terminate()
    same(process.wait(20), 0, 'status')
    server.close()


def dies_with_core(folder, process):
    """The core dumps that SIGABRT leaves in @folder."""
    before = set(os.listdir(folder))
    process.send_signal(signal.SIGABRT)
    same(process.wait(20), -signal.SIGABRT, 'status')
    return [name for name in set(os.listdir(folder)) - before if 'core' in name]


@tap
def core_dump(folder, snapkeepd, azure_sim, ctl):
    """SIGABRT leaves no core dump, where it leaves one of another program"""
    with open('/proc/sys/kernel/core_pattern') as file:
        pattern = file.read().strip()
    if pattern.startswith(('|', '/')):
        raise Skip(f'core dumps of this machine go to {pattern}')

    def unlimited():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise Skip('the hard limit of core dumps is 0')
    other = start(['sleep', '60'], cwd=folder, preexec_fn=unlimited)
    if not dies_with_core(folder, other):
        raise Skip('this machine makes no core dumps')

    server = Azure()
    path = os.path.join(folder, 'policy.yaml')
    with open(path, 'w') as file:
        file.write(policy(server, GOLD))
    with open(os.path.join(folder, 'snapkeepd.log'), 'w') as log:
        process = start([snapkeepd, '--policy', path], stderr=log, cwd=folder,
                        env=plain_environment(), preexec_fn=unlimited)
    wait_for(lambda: any(r.kind() == 'put' for r in server.requests), 30, 'the PUT')
    for name in os.listdir(folder):
        if 'core' in name:
            os.unlink(os.path.join(folder, name))
    same(dies_with_core(folder, process), [], 'core dumps')
    server.close()


if __name__ == '__main__':
    sys.exit(tap.main(*sys.argv[1:]))
