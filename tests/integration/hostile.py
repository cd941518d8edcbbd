#!/usr/bin/env python3
"""hostile: a policy that is none, and an Azure that lies. What is said, what is not done.

    hostile.py SNAPKEEPD SNAPKEEPCTL        as TAP

The server below gives a token and then misbehaves as one case says; it keeps what reached it. Every
case is one `snapkeepd --once`. Since the daemon tries a broken reply again for half a minute, all
cases run at the same time.
"""
import concurrent.futures
import gzip
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid

from rig import (SUBSCRIPTION, Daemon, Tap, disk_id, plain_environment, policy, wait_for)

tap = Tap()
TOKEN = 'hostile-t0ken-' + 'x' * 40
GENERATION = 'aaaaaaaa-0000-4000-8000-000000000001'
GOLD = '  gold: {schedule: {every: 1h}, keep: {last: 3}}'
# Chosen: ours is below 16 MiB without a listing; a sanitizer needs many times that.
MEMORY_MAX_KIB = 64 * 1024
# What --once may take: six tries with 1, 2, 4, 8 and 16 s between them, on a slow machine.
PATIENCE_S = 80


# ---------------------------------------------------------------------------------- the server


def reply(status, body=b'', headers=(), kind='application/json', length=None):
    """The bytes of a whole reply."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f'HTTP/1.1 {status} X', f'Content-Length: {len(body) if length is None else length}',
             *([f'Content-Type: {kind}'] if kind else []), *headers, '', '']
    return '\r\n'.join(lines).encode() + body


def disk(name='disk-0001', generation=GENERATION, **more):
    return {'id': disk_id(name), 'name': name, 'location': 'westeurope', 'type':
            'Microsoft.Compute/disks', 'sku': {'name': 'Premium_LRS'},
            'properties': {'uniqueId': generation, 'diskState': 'Attached', 'diskSizeGB': 32,
                           'provisioningState': 'Succeeded',
                           'timeCreated': '2026-01-01T00:00:00.0000000+00:00'}, **more}


def page(*elements, link=None):
    return json.dumps({'value': elements, **({'nextLink': link} if link else {})})


class Request:
    def __init__(self, head, body):
        lines = head.decode('latin-1').split('\r\n')
        self.method, self.path, _ = lines[0].split(' ')
        self.headers = {k.lower(): v for k, v in (line.split(': ', 1) for line in lines[1:])}
        self.body = body

    def kind(self):
        path = self.path.split('?')[0]
        if path.startswith('/metadata/') or path.endswith('/oauth2/v2.0/token'):
            return 'token'
        if path.startswith('/operations/'):
            return 'operation'
        if self.method != 'GET':
            return self.method.lower()
        if path.endswith('/disks') or path.endswith('/snapshots'):
            return path.rsplit('/', 1)[1]
        return 'get'


class Azure:
    """One good disk, and a snapshot for each PUT; but for the kinds of requests that a case takes
    over: with bytes to send, or a function of (server, socket, request) that returns them, or None
    after it has done its worst by itself."""

    def __init__(self, **worst):
        self.worst = worst
        self.requests = []
        self.there = {}  # snapshots by path
        self.socket = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.base = f'http://127.0.0.1:{self.port}'
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def serve(self, connection):
        text = b''
        try:
            with connection:
                while True:
                    while b'\r\n\r\n' not in text:
                        text += (more := connection.recv(65536))
                        if not more:
                            return
                    head, text = text.split(b'\r\n\r\n', 1)
                    length = re.search(rb'(?i)\r\ncontent-length: (\d+)', head)
                    length = int(length[1]) if length else 0
                    while len(text) < length:
                        text += connection.recv(65536)
                    request, text = Request(head, text[:length]), text[length:]
                    self.requests.append(request)
                    answer = self.worst.get(request.kind()) or getattr(self, request.kind())
                    if callable(answer):
                        answer = answer(self, connection, request)
                    if answer is None:
                        return
                    connection.sendall(answer)
        except OSError:
            pass

    @staticmethod
    def token(server, connection, request):
        return reply(200, json.dumps({'access_token': TOKEN, 'expires_in': '3600',
                                      'token_type': 'Bearer'}))

    @staticmethod
    def disks(server, connection, request):
        return reply(200, page(disk()))

    @staticmethod
    def snapshots(server, connection, request):
        return reply(200, page(*server.there.values()))

    @staticmethod
    def put(server, connection, request):
        wanted = json.loads(request.body)
        created = time.strftime('%Y-%m-%dT%H:%M:%S.0000000+00:00', time.gmtime())
        path = request.path.split('?')[0]
        server.there[path] = {
            'id': path, 'name': path.rsplit('/', 1)[1], 'location': wanted['location'],
            'tags': wanted.get('tags', {}),
            'properties': {'uniqueId': str(uuid.uuid4()), 'timeCreated': created,
                           'provisioningState': 'Succeeded', 'incremental': True,
                           'creationData': {**wanted['properties']['creationData'],
                                            'sourceUniqueId': GENERATION}}}
        return reply(202, '{}', [f'Azure-AsyncOperation: {server.base}/operations/1'])

    @staticmethod
    def get(server, connection, request):
        snapshot = server.there.get(request.path.split('?')[0])
        if snapshot:
            return reply(200, json.dumps(snapshot))
        return reply(404, '{"error": {"code": "ResourceNotFound", "message": "no"}}')

    @staticmethod
    def operation(server, connection, request):
        output = list(server.there.values())[-1]
        return reply(200, json.dumps({'status': 'Succeeded', 'properties': {'output': output}}))

    @staticmethod
    def delete(server, connection, request):
        server.there.pop(request.path.split('?')[0], None)
        return reply(202)


class Elsewhere:
    """Another host: keeps every byte that reaches it."""

    def __init__(self):
        self.seen = []
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.base = f'http://127.0.0.1:{self.socket.getsockname()[1]}'
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            self.seen.append('a connection')
            connection.settimeout(2)
            try:
                self.seen.append(connection.recv(65536))
                connection.sendall(reply(200, '{}'))
            except OSError:
                pass
            connection.close()


ELSEWHERE = Elsewhere()
LINK = ELSEWHERE.base + f'/subscriptions/{SUBSCRIPTION}/stolen'


# ------------------------------------------------------------------------------ ways to misbehave


def reset(server, connection, request):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def hang_up(server, connection, request):
    return None


def send_for_ever(first, more, total):
    """@total bytes that nobody asked for, or as many as the other side takes."""
    def send(server, connection, request):
        connection.sendall(first)
        sent = 0
        while sent < total:
            connection.sendall(more)
            sent += len(more)
    return send


def many_disks(total):
    """A listing of @total bytes of sound elements, all different."""
    def send(server, connection, request):
        connection.sendall(reply(200, '{"value":[', length=total))
        sent, number = 10, 0
        while sent < total:
            parts = []
            for _ in range(1000):
                number += 1
                one = disk(f'd{number}', f'aaaaaaaa-0000-4000-8000-{number:012d}')
                parts.append(json.dumps(one, separators=(',', ':')) + ',')
            text = ''.join(parts).encode()
            connection.sendall(text)
            sent += len(text)
    return send


def chunked(*chunks, end=b''):
    head = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
    return head + b''.join(b'%x\r\n%s\r\n' % (len(c), c) for c in chunks) + end


def then_hang_up(answer):
    def send(server, connection, request):
        connection.sendall(answer)
    return send


def next_page_is_itself(server, connection, request):
    return reply(200, page(disk(), link=server.base + request.path))


def two_pages_for_ever(server, connection, request):
    other = request.path.split('&at=')[0] + ('&at=2' if request.path.endswith('&at=1') else '&at=1')
    return reply(200, page(disk(), link=server.base + other))


def next_is_elsewhere(server, connection, request):
    return reply(200, page(disk(), link=LINK))


def operation_elsewhere(server, connection, request):
    server.put(server, connection, request)
    return reply(202, '{}', [f'Azure-AsyncOperation: {LINK}', f'Location: {LINK}'])


def location_elsewhere(server, connection, request):
    server.put(server, connection, request)
    return reply(202, '{}', [f'Location: {LINK}'])


def lost_put(server, connection, request):
    """The effect is there, the reply is not."""
    server.put(server, connection, request)
    return None


def gzip_of(length):
    """A listing with one string of blanks, a thousandth of it on the wire."""
    packed = gzip.compress(b'{"value":[{"id":"' + b' ' * length + b'"}]}')
    return reply(200, packed, ['Content-Encoding: gzip'])


HTML = '<!DOCTYPE html><html><body>Please log in to the hotel network</body></html>'
DEEP = '{"value":[' + '{"a":' * 10000 + '1' + '}' * 10000 + ']}'
GOOD = page(disk())


class Case:
    """@said is a pattern that the whole of a line but its time must match; {base} is the server's
    URL. @made: PUTs that may have arrived."""

    def __init__(self, name, said, made=0, status=75, variables=None, identity=None, **worst):
        self.name, self.said, self.made, self.status = name, said, made, status
        self.variables, self.identity, self.worst = variables or {}, identity, worst


UNREAD = (f'warning: subscription {SUBSCRIPTION} cannot be read, nothing is deleted in it until it '
          'can, will go on trying: ')
UNTAKEN = r'warning: snapshot disk-0001-[0-9a-f]{16}-\d{8}T\d{6}Z could not be taken, will try ' \
          r'again at [0-9T:-]+Z: '
CASES = []


def listing(name, said, **worst):
    """Misbehaves where disks are listed: nothing is known, nothing is done."""
    CASES.append(Case(f'listing: {name}', re.escape(UNREAD) + said, **worst))


def single(name, said, made=1, **worst):
    CASES.append(Case(f'single: {name}', UNTAKEN + said, made=made, **worst))


def identity(name, said, **more):
    CASES.append(Case(f'identity: {name}', said, **more))


# One line a case: how Azure behaves, and what is to be read in the log.
listing('hangs up', 'X', disks=hang_up)
listing('resets the connection', 'X', disks=reset)
listing('HTML with 200', 'X', disks=reply(200, HTML, kind='text/html'))
listing('HTML with 403', 'X', disks=reply(403, HTML, kind='text/html'))
listing('HTML with 502', 'X', disks=reply(502, HTML, kind='text/html'))
listing('a cut body', 'X', disks=then_hang_up(reply(200, GOOD[:-2], length=len(GOOD))))
listing('cut chunks', 'X', disks=then_hang_up(chunked(GOOD[:40].encode())))
listing('a chunk that is none', 'X', disks=then_hang_up(chunked(end=b'zz\r\n{}\r\n0\r\n\r\n')))
listing('an element of 300 MB', 'X', disks=send_for_ever(
    reply(200, '{"value":[{"id":"', length=300 << 20), b'x' * 65536, 300 << 20))
listing('300 MB of disks', 'X', disks=many_disks(300 << 20))
listing('300 MB of blanks', 'X', disks=send_for_ever(
    reply(200, '{"value":[', length=300 << 20), b' ' * 65536, 300 << 20))
listing('chunks without end', 'X', disks=send_for_ever(
    chunked(b'{"value":['), b'10000\r\n' + b' ' * 65536 + b'\r\n', 300 << 20))
listing('an error of 300 MB', 'X', disks=send_for_ever(
    reply(500, '{"error":"', length=300 << 20), b'x' * 65536, 300 << 20))
listing('a gzip bomb', 'X', disks=gzip_of(200 << 20))
listing('broken gzip', 'X', disks=reply(200, b'\x1f\x8b\x08rubbish', ['Content-Encoding: gzip']))
listing('headers without end', 'X', disks=send_for_ever(
    b'HTTP/1.1 200 OK\r\n', b'X-More: 1\r\n' * 100, 300 << 20))
listing('a header of 1 MB', 'X', disks=then_hang_up(
    b'HTTP/1.1 200 OK\r\nX-Long: ' + b'x' * (1 << 20) + b'\r\n\r\n{}'))
listing('no HTTP', 'X', disks=then_hang_up(b'220 mail.example ESMTP\r\n'))
listing('JSON 10,000 deep', 'X', disks=reply(200, DEEP))
listing('duplicate keys', 'X', disks=reply(200, GOOD.replace('"name": "disk-0001"', '"id": "x"')))
listing('a raw NUL in an id', 'X', disks=reply(200, GOOD.replace('disk-0001', 'disk\0-0001')))
listing('an escaped NUL in an id', 'X', disks=reply(200, GOOD.replace('disk-0001', r'disk\u0000')))
listing('invalid UTF-8', 'X', disks=reply(200, GOOD.encode().replace(b'disk-0001', b'disk-\xff\xfe')))
listing('a number of 400 digits', 'X', disks=reply(200, GOOD.replace('32', '9' * 400)))
listing('no JSON', 'X', disks=reply(200, 'value: none'))
listing('bytes behind the end', 'X', disks=reply(200, GOOD + '{}'))
listing('an array', 'X', disks=reply(200, '[]'))
listing('no value', 'X', disks=reply(200, '{}'))
listing('an empty body', 'X', disks=reply(200, ''))
listing('204', 'X', disks=b'HTTP/1.1 204 No Content\r\n\r\n')
listing('206', 'X', disks=reply(206, GOOD))
listing('302 to another host', 'X', disks=reply(302, '', [f'Location: {LINK}']))
listing('307 to another host', 'X', disks=reply(307, '', [f'Location: {LINK}']))
listing('a next link to another host', 'X', disks=next_is_elsewhere)
listing('a next link to itself', 'X', disks=next_page_is_itself)
listing('next links in a ring', 'X', disks=two_pages_for_ever)
listing('a token that is refused', 'X', disks=reply(
    401, '{"error": {"code": "InvalidAuthenticationToken", "message": "The token is no good."}}'))
listing('an id that is not a disk', 'X', disks=reply(200, page(disk(id='/subscriptions/x'))))

single('300 MB', 'X', put=send_for_ever(
    reply(200, '{"id":"', length=300 << 20), b'x' * 65536, 300 << 20), get=send_for_ever(
        reply(200, '{"id":"', length=300 << 20), b'x' * 65536, 300 << 20))
single('an operation of 300 MB', 'X', operation=send_for_ever(
    reply(200, '{"status":"', length=300 << 20), b'x' * 65536, 300 << 20), get=hang_up)
single('HTML for the operation', 'X', operation=reply(200, HTML), get=reply(200, HTML))
single('a cut operation', 'X', operation=then_hang_up(reply(200, '{"status":', length=99)),
       get=reply(200, DEEP))
single('duplicate keys', 'X', operation=reply(200, '{"status":"Succeeded","status":"Failed"}'),
       get=reply(200, '{"id":"a","id":"b"}'))
single('NUL in the id', 'X', put=lost_put, get=reply(200, r'{"id":"a\u0000b"}'))
single('a gzip bomb', 'X', put=lost_put, get=gzip_of(200 << 20))
single('headers without end', 'X', put=send_for_ever(
    b'HTTP/1.1 202 OK\r\n', b'X-More: 1\r\n' * 100, 300 << 20), get=hang_up)
single('307 to another host', 'X', put=reply(307, '', [f'Location: {LINK}']), get=hang_up)
single('an operation at another host', 'X', put=operation_elsewhere)

identity('nobody there', 'X', variables={'imds': 'http://127.0.0.1:9'})
identity('400', 'X', token=reply(
    400, '{"error":"invalid_request","error_description":"Identity not found"}'))
identity('404', 'X', token=reply(404, '', kind=None))
identity('500', 'X', token=reply(500, HTML, kind='text/html'))
identity('HTML', 'X', token=reply(200, HTML, kind='text/html'))
identity('no expires_in', 'X', token=reply(200, '{"access_token":"abc","token_type":"Bearer"}'))
identity('a giant token', 'X', token=reply(200, json.dumps(
    {'access_token': 'x' * (1 << 20), 'expires_in': 3600})))
identity('300 MB', 'X', token=send_for_ever(
    reply(200, '{"access_token":"', length=300 << 20), b'x' * 65536, 300 << 20))
identity('a line end in the token', 'X', token=reply(
    200, r'{"access_token":"abc\r\nX-Evil: 1","expires_in":3600}'))
identity('307 to another host', 'X', token=reply(307, '', [f'Location: {LINK}']))


class Outcome:
    def __init__(self):
        self.status, self.said, self.peak_kib, self.server, self.seconds = None, '', 0, None, 0


def peak_kib(pid):
    try:
        with open(f'/proc/{pid}/status') as file:
            found = re.search(r'VmHWM:\s+(\d+)', file.read())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def run_case(case, folder, snapkeepd):
    outcome = Outcome()
    os.mkdir(folder)
    server = outcome.server = Azure(**case.worst)
    text = policy(server, GOLD)
    if 'imds' in case.variables:
        text = text.replace(f'imds: "{server.base}"', f'imds: "{case.variables["imds"]}"')
    began = time.monotonic()
    daemon = Daemon(snapkeepd, folder, text, '--once')
    while daemon.process.poll() is None and time.monotonic() < began + PATIENCE_S:
        outcome.peak_kib = max(outcome.peak_kib, peak_kib(daemon.process.pid))
        time.sleep(0.03)
    if daemon.process.poll() is None:
        daemon.kill()
    outcome.status, outcome.said = daemon.process.returncode, daemon.said()
    outcome.seconds = time.monotonic() - began
    server.close()
    return outcome


if __name__ == '__main__':
    import tempfile
    folder = tempfile.mkdtemp()
    with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
        futures = [pool.submit(run_case, c, f'{folder}/{i}', sys.argv[1]) for i, c in enumerate(CASES)]
        for c, f in zip(CASES, futures):
            o = f.result()
            print(f'== {c.name}: status {o.status} {o.peak_kib} KiB {o.seconds:.1f} s {len(o.server.requests)} requests')
            print(o.said)
    print(ELSEWHERE.seen)
