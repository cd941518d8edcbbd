#!/usr/bin/env python3
"""tls-daemon: snapkeepd over HTTPS, and whom it does not talk to.

    tls-daemon.py SNAPKEEPD AZURE-SIM        as TAP

What the transport believes is tls.py's matter; here it is what the daemon says, does and leaves
undone. Certificates and the server for old TLS come from there.
"""
import concurrent.futures
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile

from rig import SUBSCRIPTION, Daemon, Sim, Tap, end_all, plain_environment, policy, start, wait_for
from tls import Server, authority, certificate

tap = Tap()
GOLD = '  gold: {schedule: {every: 1h}, keep: {last: 3}}'
TENANT, CLIENT = '22222222-2222-4222-8222-222222222222', '33333333-3333-4333-8333-333333333333'
UNREAD = (f'warning: subscription {SUBSCRIPTION} cannot be read, nothing is deleted in it until it '
          'can, will go on trying (not sent): ')


class TlsSim(Sim):
    """azure-sim with an HTTPS listener beside the plain one, by the certificate NAME."""

    def __init__(self, binary, folder, name, *options):
        port_file = os.path.join(folder, 'tls-port')
        super().__init__(binary, folder, '--no-limits', '--linger-ms', 0, '--operation-ms', 50,
                         '--tls-listen', '127.0.0.1:0', '--tls-port-file', port_file,
                         '--tls-cert', f'{name}.pem', '--tls-key', f'{name}.key', *options)
        self.tls_port = int(wait_for(lambda: open(port_file).read().strip(), 20, 'the port'))


def tls_policy(sim, port, ca, host='127.0.0.1'):
    """ARM over HTTPS, the identity service as it is on a machine, over HTTP."""
    ca = f', ca: "{os.path.abspath(ca)}"' if ca else ''
    return policy(sim, GOLD).replace(f'arm: "{sim.base}"', f'arm: "https://{host}:{port}"{ca}')


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError(f'{what}: {found!r} in place of {wanted!r}')


# ----------------------------------------------------------------------------------------- believed


@tap
def good(folder, snapkeepd, azure_sim, results):
    """a whole round over HTTPS, listings in pages"""
    sim = TlsSim(azure_sim, folder, 'good', '--disks', 5, '--page-size', 2)
    daemon = Daemon(snapkeepd, folder, tls_policy(sim, sim.tls_port, 'root.pem'), '--once')
    same(daemon.wait(), 0, daemon.said())
    same(sim.stats()['effects']['created'], 5, 'snapshots')
    sim.end()


def traced(folder, snapkeepd, text, calls, **variables):
    """The lines of strace of one round."""
    path, trace = os.path.join(folder, 'policy.yaml'), os.path.join(folder, 'trace')
    with open(path, 'w') as file:
        file.write(text)
    with open(os.path.join(folder, 'snapkeepd.log'), 'w') as log:
        run = start(['strace', '-f', '-qq', '-e', f'trace={calls}', '-o', trace, snapkeepd, '--policy',
                     path, '--once'], stderr=log, start_new_session=True,
                    env=plain_environment(**variables))
    try:
        same(run.wait(90), 0, 'status')
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)  # strace alone would let the daemon go on
        raise
    with open(trace) as file:
        return file.read().splitlines()


@tap
def one_connection(folder, snapkeepd, azure_sim, results):
    """20 disks at parallel 1: one connection, one load of the CA store"""
    sim = TlsSim(azure_sim, folder, 'good', '--disks', 20)
    text = tls_policy(sim, sim.tls_port, 'root.pem').replace('{demo: true}',
                                                             '{demo: true, parallel: 1}')
    lines = traced(folder, snapkeepd, text, 'connect,openat')
    same(sim.stats()['effects']['created'], 20, 'snapshots')
    same(sum(f'htons({sim.tls_port})' in line for line in lines), 1, 'connections to ARM')
    same(sum(f'htons({sim.port})' in line for line in lines), 1, 'connections to the identity service')
    same(sum('root.pem' in line for line in lines), 1, 'loads of the CA store')
    sim.end()


@tap
def one_store(folder, snapkeepd, azure_sim, results):
    """many connections to two hosts: one load of the CA store"""
    sim = TlsSim(azure_sim, folder, 'good', '--disks', 20, '--latency-ms', 100)
    text = tls_policy(sim, sim.tls_port, 'root.pem')
    text = text.replace(f'login: "{sim.base}"', f'login: "https://localhost:{sim.tls_port}"')
    text = text.replace('identity: managed', 'identity: {service_principal: '
                        f'{{tenant: {TENANT}, client: {CLIENT}, secret: azure-secret}}}}')
    credentials = os.path.join(folder, 'credentials')
    os.mkdir(credentials)
    with open(os.path.join(credentials, 'azure-secret'), 'w') as file:
        file.write('sim-secret\n')
    lines = traced(folder, snapkeepd, text, 'connect,openat', CREDENTIALS_DIRECTORY=credentials)
    same(sim.stats()['effects']['created'], 20, 'snapshots')
    connections = sum(f'htons({sim.tls_port})' in line for line in lines)
    same(connections >= 3, True, f'{connections} connections are enough')
    same(sum('root.pem' in line for line in lines), 1, f'loads at {connections} connections')
    print(f'# {connections} connections')
    sim.end()


# ------------------------------------- refused, begun at once and asked last: each takes half a minute

# Name: certificate, what is trusted, host, and a pattern for the reason.
REFUSED = {
    'an unknown authority': ('stranger', 'root.pem', '127.0.0.1',
                             r'SSL certificate problem: unable to get local issuer certificate'),
    'a private authority without ca': ('good', None, '127.0.0.1',
                                       r'SSL certificate problem: .*certificate.*'),
    'an expired certificate': ('expired', 'root.pem', '127.0.0.1',
                               r'SSL certificate problem: certificate has expired'),
    'another host': ('elsewhere', 'root.pem', 'localhost',
                     r'SSL: no alternative certificate subject name matches target host name '
                     r"'localhost'"),
    'an authority that is no certificate': ('good', 'broken.pem', '127.0.0.1',
                                            r'error setting certificate (file|verify locations).*'),
    'TLS 1.1': (None, 'root.pem', '127.0.0.1', r'.*(protocol version|unsupported protocol).*'),
    'no TLS': ('plain', 'root.pem', '127.0.0.1', r'.*(wrong version number|SSL_ERROR_SYSCALL).*'),
}


def run_refused(snapkeepd, azure_sim, name):
    try:
        check_refused(snapkeepd, azure_sim, name)
    finally:
        end_all()


def check_refused(snapkeepd, azure_sim, name):
    cert, ca, host, reason = REFUSED[name]
    with tempfile.TemporaryDirectory(prefix='snapkeep-tls-') as folder:
        sim = TlsSim(azure_sim, folder, cert if cert in ('stranger', 'expired', 'elsewhere') else 'good',
                     '--disks', 1)
        old = Server('good', ssl.TLSVersion.TLSv1_1) if not cert else None
        port = old.port if old else sim.port if cert == 'plain' else sim.tls_port
        daemon = Daemon(snapkeepd, folder, tls_policy(sim, port, ca, host), '--once')
        same(daemon.wait(80), 75, 'status')
        kinds = {k: n for k, n in sim.stats()['by_kind'].items() if n > 0}
        same(set(kinds), {'token'}, 'requests')
        same(old.requests if old else [], [], 'requests over old TLS')
        sim.end()
        if not re.search(rf'(?m)^\S+ {re.escape(UNREAD)}{reason}  \w.*$', daemon.said()):
            raise AssertionError(f'not said: {reason}\n{daemon.said()}')


def refused_test(name):
    def test(folder, snapkeepd, azure_sim, results):
        results[name].result()
    test.__doc__ = f'{name} is refused before anything is sent'
    return test


for title in REFUSED:
    tap(refused_test(title))


def main():
    snapkeepd, azure_sim = map(os.path.abspath, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix='snapkeep-tls-') as folder:
        os.chdir(folder)
        authority('root')
        authority('other')
        certificate('good', 'root')
        certificate('stranger', 'other')
        certificate('expired', 'root', expired=True)
        certificate('elsewhere', 'root', names='DNS:management.example')
        with open('broken.pem', 'w') as file:
            file.write('no certificate\n')
        with concurrent.futures.ThreadPoolExecutor(len(REFUSED)) as pool:
            status = tap.main(snapkeepd, azure_sim,
                              {name: pool.submit(run_refused, snapkeepd, azure_sim, name)
                               for name in REFUSED})
        os.chdir('/')
    return status


if __name__ == '__main__':
    sys.exit(main())
