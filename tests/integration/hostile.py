#!/usr/bin/env python3
"""hostile: a policy that is none, and an Azure that lies. What is said, what is not done.

    hostile.py SNAPKEEPD SNAPKEEPCTL        as TAP

The server below gives a token and then misbehaves as one case says; it keeps what reached it. Every
case is one `snapkeepd --once`. Since the daemon tries a broken reply again for half a minute, all
cases run at the same time.
"""
import concurrent.futures
import email.utils
import gzip
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid

from rig import (SUBSCRIPTION, Daemon, Skip, Tap, disk_id, end_all, plain_environment, policy,
                 snapshot_id, wait_for)

tap = Tap()
TOKEN = 'hostile-t0ken-' + 'x' * 40
GENERATION = 'aaaaaaaa-0000-4000-8000-000000000001'
GOLD = '  gold: {schedule: {every: 1h}, keep: {last: 3}}'
# Chosen: ours is below 16 MiB without a listing; a sanitizer needs many times that.
MEMORY_MAX_KIB = 64 * 1024
# What DESIGN section 10 grants a sweep of half a million rows.
SWEEP_MAX_KIB = 96 * 1024
SANITIZED = any(name in os.environ for name in ('ASAN_OPTIONS', 'MSAN_OPTIONS'))
PLANTED = 'pl4nted S3cret!'
# Of an invalid policy; the daemon has sysexits' 78 for it.
CTL_TROUBLE = 1
# What --once may take: six tries with 1, 2, 4, 8 and 16 s between them, on a slow machine.
PATIENCE_S = 80


# ---------------------------------------------------------------------------------- the server


def reply(status, body=b'', headers=(), kind='application/json', length=None):
    """The bytes of a whole reply."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f'HTTP/1.1 {status} X', f'Date: {email.utils.formatdate(usegmt=True)}',
             f'Content-Length: {len(body) if length is None else length}',
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

    def __init__(self, tls=None, **worst):
        self.worst = worst
        self.tls = tls  # an ssl.SSLContext, or None
        self.requests = []
        self.there = {}  # snapshots by path
        self.written = set()  # paths that were PUT
        self.socket = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.base = f'http{"s" if tls else ""}://127.0.0.1:{self.port}'
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
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
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
                    answer = self.answer(request)
                    if callable(answer):
                        answer = answer(self, connection, request)
                    if answer is None:
                        return
                    connection.sendall(answer)
        except OSError:
            pass

    def answer(self, request):
        kind, path = request.kind(), request.path.split('?')[0]
        if kind == 'put':
            self.written.add(path)
        # A name is looked at before it is written: the worst comes to what is done after that.
        if kind == 'get' and path not in self.written:
            return self.get
        return self.worst.get(kind) or getattr(self, kind)

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


def slow_put(server, connection, request):
    """Listings show it under way, and the operation at its URL says more."""
    answer = server.put(server, connection, request)
    server.there[request.path.split('?')[0]]['properties']['provisioningState'] = 'Updating'
    return answer


def location_elsewhere(server, connection, request):
    """Accepted, with a Location alone."""
    getattr(server, request.kind())(server, connection, request)
    return reply(202, '{}', [f'Location: {LINK}'])


def drip(first):
    """A byte a second behind @first."""
    def send(server, connection, request):
        connection.sendall(first)
        while True:
            time.sleep(1)
            connection.sendall(b' ')
    return send


def lost_put(server, connection, request):
    """The effect is there, the reply is not; listings show it under way, of an operation that nobody
    has named."""
    slow_put(server, connection, request)
    return None


def gzip_of(length):
    """A listing with one string of blanks, a thousandth of it on the wire."""
    packed = gzip.compress(b'{"value":[{"id":"' + b' ' * length + b'"}]}')
    return reply(200, packed, ['Content-Encoding: gzip'])


HTML = '<!DOCTYPE html><html><body>Please log in to the hotel network</body></html>'
DEEP = '{"value":[' + '{"a":' * 10000 + '1' + '}' * 10000 + ']}'
GOOD = page(disk())


class Case:
    """@said is a pattern that a whole line without its time and fields must match. @made: PUTs that
    arrive."""

    def __init__(self, name, said, made=0, most_kib=MEMORY_MAX_KIB, moved=(), **worst):
        self.name, self.said, self.made, self.most_kib = name, said, made, most_kib
        self.moved, self.worst = moved, worst  # endpoints that are not the server: (key, URL)


UNREAD = (f'warning: subscription {SUBSCRIPTION} cannot be read, nothing is deleted in it until it '
          'can, will go on trying')
UNTAKEN = r'warning: snapshot disk-0001-[0-9a-f]{16}-\d{8}T\d{6}Z could not be taken, will try ' \
          r'again at [0-9T:-]+Z'
CASES = []


def listing(name, said, **worst):
    """Misbehaves where disks are listed: nothing is known, nothing is done."""
    CASES.append(Case(f'listing: {name}', re.escape(UNREAD) + said, **worst))


def single(name, said, made=1, **worst):
    CASES.append(Case(f'single: {name}', UNTAKEN + said, made=made, **worst))


def identity(name, said, **more):
    """No token comes."""
    CASES.append(Case(f'identity: {name}', 'warning: nothing can be read or done in Azure, will go '
                      r'on trying: no token from the identity service at http://127\.0\.0\.1:\d+'
                      + said, **more))


# What is behind the sentence: who said no, and what it was.
PAGE = r' \(code UnreadablePage, status 200\): '
REPLY = r' \(code UnreadableReply, status 200\): '
TOKEN_REPLY = r' \(code UnreadableToken, status 200\): '
LARGE = r' \(code reply too large, status 200\): '
LOST = r' \(code reply lost, status 200\): '
NO_JSON = 'it is not JSON, or it is cut'
IS_HTML = r'the reply is not JSON but text/html; is a proxy or a login page in between\?'
TOO_LARGE = 'the JSON, or a part of it, is too large'
WRONG_MEMBERS = 'the JSON has not the members it must have'
MANY_HEADERS = 'more than 128 headers or 65536 bytes of them'
LEADS_AWAY = ('the reply leads to another place, where no request of ours goes; is a proxy or a login '
              r'page in between\?')
CIRCLE = r' \(EndlessListing\): the links from page to page lead in a circle'
EMPTY = r' \(reply lost\): (Empty reply from server|Recv failure: Connection reset by peer)'
MINE = r'; does this machine have the identity of azure\.identity\?'


def flood(answer):
    """The reply, and 300 MB of one string."""
    return send_for_ever(reply(200, answer, length=300 << 20), b'x' * 65536, 300 << 20)


headers_without_end = send_for_ever(b'HTTP/1.1 200 OK\r\n', b'X-More: 1\r\n' * 100, 300 << 20)

listing('nobody there', r' \(not sent\): Failed to connect to 127\.0\.0\.1 port 9 .*',
        moved=[('arm', 'http://127.0.0.1:9')])
listing('hangs up', EMPTY, disks=hang_up)
listing('resets the connection', EMPTY, disks=reset)
listing('HTML with 200', PAGE + IS_HTML, disks=reply(200, HTML, kind='text/html'))
listing('HTML with 403', r' \(status 403\): ' + IS_HTML, disks=reply(403, HTML, kind='text/html'))
listing('HTML with 502', r' \(status 502\): ' + IS_HTML, disks=reply(502, HTML, kind='text/html'))
listing('a cut body', LOST + 'transfer closed with 2 bytes remaining to read',
        disks=then_hang_up(reply(200, GOOD[:-2], length=len(GOOD))))
listing('cut chunks', LOST + 'transfer closed with outstanding read data remaining',
        disks=then_hang_up(chunked(GOOD[:40].encode())))
listing('a chunk that is none', LOST + '.*chunked-encoding',
        disks=then_hang_up(chunked(end=b'zz\r\n{}\r\n0\r\n\r\n')))
listing('an element of 300 MB', PAGE + TOO_LARGE, disks=flood('{"value":[{"id":"'))
listing('300 MB of disks', PAGE + 'the reply holds more than there is room for',
        most_kib=SWEEP_MAX_KIB, disks=many_disks(300 << 20))
listing('300 MB of blanks', LARGE + 'body above 67108864 bytes', disks=send_for_ever(
    reply(200, '{"value":[', length=300 << 20), b' ' * 65536, 300 << 20))
listing('chunks without end', LARGE + 'body above 67108864 bytes', disks=send_for_ever(
    chunked(b'{"value":['), b'10000\r\n' + b' ' * 65536 + b'\r\n', 300 << 20))
listing('an error of 300 MB', LARGE.replace('200', '500') + 'body above 1048576 bytes',
        disks=send_for_ever(reply(500, '{"error":"', length=300 << 20), b'x' * 65536, 300 << 20))
listing('a gzip bomb', PAGE + TOO_LARGE, disks=gzip_of(200 << 20))
listing('broken gzip', LOST + '.*unencoding.*',
        disks=reply(200, b'\x1f\x8b\x08rubbish', ['Content-Encoding: gzip']))
listing('headers without end', LARGE + MANY_HEADERS, disks=headers_without_end)
listing('a header of 1 MB', LARGE + 'a header line above 100 KiB', disks=then_hang_up(
    b'HTTP/1.1 200 OK\r\nX-Long: ' + b'x' * (1 << 20) + b'\r\n\r\n{}'))
listing('no HTTP', r' \(reply lost\): Received HTTP/0\.9 when not allowed',
        disks=then_hang_up(b'220 mail.example ESMTP\r\n'))
listing('JSON 10,000 deep', PAGE + 'the JSON is nested too deep', disks=reply(200, DEEP))
listing('duplicate keys', PAGE + 'the JSON has a key twice in one object',
        disks=reply(200, GOOD.replace('"name": "disk-0001"', '"id": "x"')))
listing('a raw NUL in an id', PAGE + 'the JSON holds a NUL character',
        disks=reply(200, GOOD.replace('disk-0001', 'disk\0-0001')))
listing('an escaped NUL in an id', PAGE + 'the JSON holds a NUL character',
        disks=reply(200, GOOD.replace('disk-0001', r'disk\u0000')))
listing('invalid UTF-8', PAGE + 'the JSON is not UTF-8',
        disks=reply(200, GOOD.encode().replace(b'disk-0001', b'disk-\xff\xfe')))
listing('a number of 400 digits', PAGE + TOO_LARGE, disks=reply(200, GOOD.replace('32', '9' * 400)))
listing('no JSON', PAGE + NO_JSON, disks=reply(200, 'value: none'))
listing('bytes behind the end', PAGE + NO_JSON, disks=reply(200, GOOD + '{}'))
listing('an array', PAGE + WRONG_MEMBERS, disks=reply(200, '[]'))
listing('no value', PAGE + WRONG_MEMBERS, disks=reply(200, '{}'))
listing('an element without an id', PAGE + WRONG_MEMBERS, disks=reply(200, page({})))
CASES.append(Case('listing: an id that is not a disk', re.escape(
    f'warning: nothing is deleted of subscription {SUBSCRIPTION} (listing): 1 disk and 0 snapshots in the '
    'listing cannot be read, the first /subscriptions/x: the member id is missing or wrong; such a disk is '
    'backed up as it was read last, or not at all; ends after two clean sweeps, '
    'which read all of it'),
                  disks=reply(200, page(disk(id='/subscriptions/x')))))
CASES.append(Case('listing: a full chain', r'error: disk disk-0001 has 500 of 500 snapshots in its chain.*',
                  snapshots=reply(200, page(*[{
                      'id': f'{disk_id("x").replace("/disks/", "/snapshots/")}{i}', 'location': 'westeurope',
                      'properties': {'uniqueId': str(uuid.uuid4()), 'provisioningState': 'Succeeded',
                                     'timeCreated': '2026-01-01T00:00:00.0000000+00:00', 'incremental': True,
                                     'creationData': {'createOption': 'Copy', 'sourceUniqueId': GENERATION}}}
                                              for i in range(500)]))))
listing('an empty body', PAGE + NO_JSON, disks=reply(200, ''))
listing('204', PAGE.replace('200', '204') + NO_JSON, disks=b'HTTP/1.1 204 No Content\r\n\r\n')
listing('206', PAGE.replace('200', '206') + NO_JSON, disks=reply(206, GOOD))
listing('302 to another host', r' \(status 302\): ' + LEADS_AWAY,
        disks=reply(302, '', [f'Location: {LINK}']))
listing('307 to another host', r' \(status 307\): ' + LEADS_AWAY,
        disks=reply(307, '', [f'Location: {LINK}']))
listing('a next link to another host', r' \(ForeignLink\): the next page is at another host than '
        r'azure\.cloud\.arm, no token goes there', disks=next_is_elsewhere)
listing('a next link to itself', CIRCLE, disks=next_page_is_itself)
listing('next links in a ring', CIRCLE, disks=two_pages_for_ever)
listing('a token that is refused', r' \(code InvalidAuthenticationToken, status 401\): The token is '
        r'no good\.', disks=reply(401, '{"error": {"code": "InvalidAuthenticationToken", '
                                       '"message": "The token is no good."}}'))

single('300 MB', LARGE + 'body above 8388608 bytes', put=flood('{"id":"'), get=flood('{"id":"'))
single('an operation of 300 MB', EMPTY, put=slow_put, operation=flood('{"status":"'), get=hang_up)
single('HTML for the operation', REPLY + IS_HTML, put=slow_put,
       operation=reply(200, HTML, kind='text/html'), get=reply(200, HTML, kind='text/html'))
single('a cut operation', REPLY + 'the JSON is nested too deep', put=slow_put,
       operation=then_hang_up(reply(200, '{"status":', length=99)), get=reply(200, DEEP))
single('duplicate keys', REPLY + 'the JSON has a key twice in one object', put=slow_put,
       operation=reply(200, '{"status":"Succeeded","status":"Failed"}'),
       get=reply(200, '{"id":"a","id":"b"}'))
single('NUL in the id', REPLY + 'the JSON holds a NUL character', put=lost_put,
       get=reply(200, r'{"id":"a\u0000b"}'))
single('a gzip bomb', LARGE + 'body above 8388608 bytes', put=lost_put, get=gzip_of(200 << 20))
single('headers without end', LARGE + MANY_HEADERS, put=headers_without_end,
       get=headers_without_end)
single('307 to another host', r' \(status 307\): ' + LEADS_AWAY,
       put=reply(307, '', [f'Location: {LINK}']), get=reply(307, '', [f'Location: {LINK}']))
single('an operation at another host', r" \(ForeignLink\): the operation's URL is at another host "
       r'than azure\.cloud\.arm, no token goes there', put=operation_elsewhere)

identity('nobody there', r' \(not sent\): Failed to connect to 127\.0\.0\.1 port 9 .*',
         moved=[('imds', 'http://127.0.0.1:9')])
identity('400', r' \(code invalid_request, status 400\): Identity not found' + MINE, token=reply(
    400, '{"error":"invalid_request","error_description":"Identity not found"}'))
identity('404', r' \(status 404\): the reply has no text' + MINE, token=reply(404, '', kind=None))
identity('500', r' \(status 500\): ' + IS_HTML, token=reply(500, HTML, kind='text/html'))
identity('HTML', TOKEN_REPLY + IS_HTML, token=reply(200, HTML, kind='text/html'))
identity('no expires_in', TOKEN_REPLY + 'the member expires_in is missing or wrong',
         token=reply(200, '{"access_token":"abc","token_type":"Bearer"}'))
identity('a giant token', LARGE + 'body above 262144 bytes', token=reply(200, json.dumps(
    {'access_token': 'x' * (1 << 20), 'expires_in': 3600})))
identity('a large token', TOKEN_REPLY + 'the member access_token is missing or wrong',
         token=reply(200, json.dumps({'access_token': 'x' * 65537, 'expires_in': 3600})))
identity('300 MB', LARGE + 'body above 262144 bytes', token=flood('{"access_token":"'))
identity('a line end in the token', TOKEN_REPLY + 'the member access_token is missing or wrong',
         token=reply(200, r'{"access_token":"abc\r\nX-Evil: 1","expires_in":3600}'))
identity('307 to another host', r' \(status 307\): ' + LEADS_AWAY,
         token=reply(307, '', [f'Location: {LINK}']))


# ------------------------------------------------------------------------------- running the cases


def peak_kib(pid):
    """Highest resident size so far; 0 when the process has gone."""
    try:
        with open(f'/proc/{pid}/status') as file:
            found = re.search(r'VmHWM:\s+(\d+)', file.read())
    except OSError:
        return 0
    return int(found[1]) if found else 0


def run_case(case, folder, snapkeepd):
    try:
        return check_case(case, folder, snapkeepd)
    finally:
        end_all()


def check_case(case, folder, snapkeepd):
    """Raises what is wrong; returns (peak in KiB, seconds)."""
    os.mkdir(folder)
    server = Azure(**case.worst)
    text = policy(server, GOLD)
    for key, url in case.moved:
        text = text.replace(f'{key}: "{server.base}"', f'{key}: "{url}"')
    began = time.monotonic()
    daemon = Daemon(snapkeepd, folder, text, '--once')
    peak = 0
    while daemon.process.poll() is None and time.monotonic() < began + PATIENCE_S:
        peak = max(peak, peak_kib(daemon.process.pid))
        time.sleep(0.02)
    seconds = time.monotonic() - began
    if daemon.process.poll() is None:
        daemon.kill()
        raise AssertionError(f'no end within {PATIENCE_S} s')
    server.close()

    said = daemon.said()
    if not any(re.fullmatch(rf'\S+Z {case.said}  \w.*', line) for line in said.splitlines()):
        raise AssertionError(f'not said: {case.said}\n{said}')
    if daemon.process.returncode != 75:
        raise AssertionError(f'status {daemon.process.returncode}')
    if TOKEN in said:
        raise AssertionError('the token is in the log')
    if peak > case.most_kib and not SANITIZED:
        raise AssertionError(f'{peak} KiB of memory')
    check_requests(case, server)
    return peak, seconds


def check_requests(case, server):
    """Nothing was done: at most one PUT of the case's own, and no DELETE. What the case is about was
    asked for."""
    kinds = [request.kind() for request in server.requests]
    for kind in case.worst:
        if kind not in kinds:
            raise AssertionError(f'no {kind} among the requests: {kinds}')
    if kinds.count('put') != case.made or 'delete' in kinds or 'patch' in kinds:
        raise AssertionError(f'requests: {kinds}')
    for request in server.requests:
        bearer = request.headers.get('authorization')
        if (bearer is not None) != (request.kind() != 'token'):
            raise AssertionError(f'{request.path}: authorization {bearer}')


def run_all(folder, snapkeepd):
    """The result of every case: an exception or (peak, seconds)."""
    with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
        futures = [pool.submit(run_case, case, os.path.join(folder, f'case-{number}'), snapkeepd)
                   for number, case in enumerate(CASES)]
        return [future.exception() or future.result() for future in futures]


def test_of(case, number):
    def test(folder, snapkeepd, ctl, results):
        result = results[number]
        if isinstance(result, Exception):
            raise result
        print(f'# {case.name}: peak {result[0]} KiB, {result[1]:.1f} s')
    test.__doc__ = case.name
    return test


# ---------------------------------------------------------------------------------- the policy file

HEAD = """\
version: 1
owner: test
azure: {cloud: {arm: "BASE", login: "BASE", imds: "BASE"}, identity: managed}
defaults: {snapshot_group: rg-snapshots}
"""
TAIL = f"""\
policies:
  gold: {{schedule: {{every: 1h}}, keep: {{last: 3}}}}
targets:
  - {{policy: gold, match: {{subscription: {SUBSCRIPTION}}}}}
"""


def write(path, content):
    with open(path, 'wb') as file:
        file.write(content.encode() if isinstance(content, str) else content)


def bomb():
    """Nine levels of nine aliases each: 387 million nodes, when a reader follows them."""
    lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x]']
    lines += [f'a{n}: &a{n} [{",".join([f"*a{n - 1}"] * 9)}]' for n in range(1, 10)]
    return '\n'.join(lines) + '\n'


def bomb_errors():
    errors = []
    for n in range(10):
        errors += [f'FILE:{9 + n}:1: error: a{n}: unknown key',
                   f'FILE:{9 + n}:5: error: a{n}: anchors (&name) are not allowed; expected the value '
                   'alone; what several policies share goes into defaults']
        errors += [f'FILE:{9 + n}:{10 + 4 * i}: error: a{n}[{i}]: aliases (*name) are not allowed; '
                   'expected the value itself; a text that begins with * needs quotes'
                   for i in range(9 if n else 0)]
    return errors


def many(n):
    return ''.join(f'wrong{i}: 1\n' for i in range(n))


def many_errors(n):
    return [f'FILE:{9 + i}:1: error: wrong{i}: unknown key' for i in range(n)]


# What makes a file, and all that is said of it, in this order; FILE stands for its path.
EMPTY_FILE = 'FILE: error: the file holds no policy; expected version, owner, policies and targets'
NO_FILE = 'FILE: error: is not a regular file'
POLICIES = {
    'missing': (lambda path: None, ['FILE: error: does not exist']),
    'empty': (lambda path: write(path, ''), [EMPTY_FILE]),
    'a comment alone': (lambda path: write(path, '# nothing\n'), [EMPTY_FILE]),
    'a directory': (os.mkdir, [NO_FILE]),
    'a pipe that nobody writes to': (os.mkfifo, [NO_FILE]),
    'a link to itself': (lambda path: os.symlink(path, path),
                         ['FILE: error: Too many levels of symbolic links']),
    'not YAML': (lambda path: write(path, 'version: 1\nowner: [a\n'), [
        "FILE:3:1: error: not YAML: did not find expected ',' or ']' (while parsing a flow sequence "
        'that begins on line 2)']),
    'a tab': (lambda path: write(path, 'version: 1\n\towner: a\n'), [
        'FILE:2:1: error: not YAML: found a tab character that violates indentation (while scanning '
        'a plain scalar that begins on line 1); expected spaces: YAML does not allow tabs here']),
    'binary': (lambda path: write(path, b'\x7fELF\x02\x01\0'), [
        'FILE:1:1: error: a control character (U+007F)',
        'FILE:1:5: error: a control character (U+0002)',
        'FILE:1:6: error: a control character (U+0001)',
        'FILE:1:7: error: a NUL byte: this is not a text file']),
    'UTF-16': (lambda path: write(path, 'version: 1\n'.encode('utf-16')), [
        'FILE:1:1: error: the file is UTF-16; expected UTF-8']),
    '100 MB': (lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 100 << 20), [
        'FILE: error: is larger than 1 MiB, which no policy is']),
    '10,000 deep': (lambda path: write(path, 'version: ' + '[' * 10000 + ']' * 10000), [
        'FILE:1:25: error: version' + '[0]' * 15 + ': nested deeper than any key of a policy']),
    'unknown key': (lambda path: write(path, HEAD + TAIL.replace('keep', 'kepp')), [
        'FILE:6:33: error: policies.gold.kepp: unknown key; did you mean "keep"?']),
    'duplicate key': (lambda path: write(path, HEAD + 'owner: other\n' + TAIL), [
        'FILE:5:1: error: owner: duplicate key; first on line 2']),
    'wrong type': (lambda path: write(path, HEAD + TAIL.replace('{last: 3}', '[last, 3]')), [
        'FILE:6:39: error: policies.gold.keep: found a list; expected a mapping of last, hourly, '
        'daily, weekly, monthly, yearly, within and pick']),
    'wrong unit': (lambda path: write(path, HEAD + TAIL.replace('1h', '1 fortnight')), [
        'FILE:6:28: error: policies.gold.schedule.every: "1 fortnight" is not a duration; expected a '
        'duration such as 90m or 2d, from 5m to 366d']),
    'a surprise of YAML 1.1': (lambda path: write(path, HEAD + TAIL.replace('3', '022', 1)), [
        'FILE:6:46: error: policies.gold.keep.last: "022" is an octal number in YAML 1.1; expected a '
        'whole number from 1 to 100000']),
    'unknown zone': (lambda path: write(path, HEAD.replace(
        'rg-snapshots', 'rg-snapshots, timezone: Europe/Stokholm') + TAIL), [
            'FILE:4:52: error: defaults.timezone: "Europe/Stokholm" is not installed here; expected '
            'an installed time zone such as Europe/Stockholm, or UTC']),
    "an id that is not a disk's": (lambda path: write(path, HEAD + TAIL + (
        f'  - {{policy: gold, disks: [{snapshot_id("s", "rg-app")}]}}\n')), [
            'FILE:9:28: error: targets[1].disks[0]: '
            f'"/subscriptions/{SUBSCRIPTION}/resource..." is a snapshot\'s id; expected '
            '/subscriptions/GUID/resourceGroups/GROUP/providers/Microsoft.Compute/disks/NAME']),
    'plain http to another host': (lambda path: write(path, HEAD.replace(
        'arm: "BASE"', 'arm: "http://management.example"') + TAIL), [
            'FILE:3:22: error: azure.cloud.arm: the value is plain http to a host that is not this '
            'machine; expected https://HOST[:PORT], or http:// to a loopback address']),
    'a secret in the file': (lambda path: write(path, HEAD.replace('identity: managed', (
        'identity: {service_principal: {tenant: 22222222-2222-4222-8222-222222222222, '
        f'client: 33333333-3333-4333-8333-333333333333, secret: "{PLANTED}"}}}}')) + TAIL), [
            'FILE:3:230: error: azure.identity.service_principal.secret: the value is not the name '
            'of a credential; expected the name of a systemd credential; the secret itself never '
            'stands in a policy']),
    'an alias bomb': (lambda path: write(path, HEAD + TAIL + bomb()), bomb_errors()),
    '1,000 errors': (lambda path: write(path, HEAD + TAIL + many(1000)), many_errors(1000)),
}


def run_policy(program, *options, **more):
    """Returns (status, stdout, stderr). What waits on a pipe is ended at 20 s."""
    run = subprocess.run([program, *options], capture_output=True, timeout=20, check=False,
                         env=plain_environment(), **more)
    return run.returncode, run.stdout.decode(), run.stderr.decode()


def same(found, wanted, what):
    if found != wanted:
        raise AssertionError(f'{what}: {found!r:.2000} in place of {wanted!r:.2000}')


def check_policy(path, wanted, server, snapkeepd, ctl, **more):
    """All three programs say the same, with their status, and ask nobody anything."""
    said = ''.join(f'{line}\n' for line in wanted).replace('FILE', path)
    for option in ('--check', '--once'):
        status, out, err = run_policy(snapkeepd, '--policy', path, option, **more)
        same((status, out), (78, ''), option)
        same(re.sub(r'(?m)^\S+Z error: ', '', err), said, option)

    errors = f'{len(wanted)} error{"s" if len(wanted) > 1 else ""}'
    same(run_policy(ctl, 'check', path, **more),
         (CTL_TROUBLE, '', said + f'snapkeepctl: {path} cannot be used: {errors}\n'), 'check')
    status, out, _ = run_policy(ctl, 'check', '--json', path, **more)
    answer = json.loads(out)
    same((status, answer['valid'], answer['errors'], answer['diagnostics_left_out']),
         (CTL_TROUBLE, False, len(wanted), 0), 'check --json')
    same(len(answer['diagnostics']), len(wanted), 'check --json')
    same(PLANTED in out + said, False, 'the secret is told')
    same(server.requests, [], 'requests')


def policy_test(name, make, wanted):
    def test(folder, snapkeepd, ctl, results):
        server = Azure()
        path = os.path.join(folder, 'policy.yaml')
        make(path)
        if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
            with open(path, 'rb') as file:
                text = file.read()
            write(path, text.replace(b'BASE', server.base.encode()))
        if name.startswith('a secret'):
            # The column depends on the digits of the port.
            wanted[0] = f'FILE:3:{230 + 3 * len(str(server.port))}' + wanted[0][len('FILE:3:230'):]
        check_policy(path, wanted, server, snapkeepd, ctl)
        server.close()
    test.__doc__ = f'policy: {name}'
    return test


@tap
def policy_is_good(folder, snapkeepd, ctl, results):
    """policy: the text that the wrong ones are made of is right"""
    path = os.path.join(folder, 'policy.yaml')
    write(path, (HEAD + TAIL).replace('BASE', 'http://127.0.0.1:9'))
    same(run_policy(snapkeepd, '--policy', path, '--check')[0], 0, '--check')
    same(run_policy(ctl, 'check', path)[0], 0, 'check')


@tap
def policy_is_forbidden(folder, snapkeepd, ctl, results):
    """policy: one that may not be read"""
    path, server = os.path.join(folder, 'policy.yaml'), Azure()
    write(path, HEAD + TAIL)
    os.chmod(path, 0)
    more = {}
    if os.geteuid() == 0:
        os.chmod(folder, 0o755)
        more = {'user': 65534, 'group': 65534, 'extra_groups': []}
    try:
        check_policy(path, ['FILE: error: Permission denied; expected a file, and folders above it, that the user who '
                            'reads it may read: of the unit that is snapkeep'], server, snapkeepd, ctl, **more)
    except PermissionError as error:
        raise Skip(f'another user cannot run the program: {error}') from error


@tap
def policy_has_too_many(folder, snapkeepd, ctl, results):
    """policy: of 1,500 errors 1,000 are told and all are counted"""
    path = os.path.join(folder, 'policy.yaml')
    write(path, HEAD.replace('BASE', 'http://127.0.0.1:9') + TAIL + many(1500))
    status, _, err = run_policy(snapkeepd, '--policy', path, '--check')
    same((status, err.count('unknown key')), (78, 1000), '--check')
    if not err.endswith(f'{path}: 500 more errors and warnings\n'):
        raise AssertionError(err[-200:])
    status, _, err = run_policy(ctl, 'check', path)
    same((status, err.count('unknown key')), (CTL_TROUBLE, 1000), 'check')
    if not err.endswith(f'{path} cannot be used: 1500 errors\n'):
        raise AssertionError(err[-200:])


for title, row in POLICIES.items():
    tap(policy_test(title, *row))
for index, one in enumerate(CASES):
    tap(test_of(one, index))


@tap
def location_is_not_followed(folder, snapkeepd, ctl, results):
    """creates and deletions that answer with a Location at another host work without it"""
    server = Azure(put=location_elsewhere, delete=location_elsewhere)
    daemon = Daemon(snapkeepd, folder, policy(
        server, '  gold: {schedule: {every: 2s}, keep: {last: 1}}'))
    wait_for(lambda: any(r.kind() == 'delete' for r in server.requests), 60, 'a deletion')
    same(daemon.stop(), 0, 'status')
    server.close()


@tap
def no_date_no_deletion(folder, snapkeepd, ctl, results):
    """an Azure that sends no Date: slots are taken, nothing is deleted, and that is said"""
    def undated(kind):
        def answer(server, connection, request):
            whole = getattr(server, kind)(server, connection, request)
            return re.sub(rb'Date: [^\r]*\r\n', b'', whole, count=1)
        return answer

    server = Azure(**{kind: undated(kind) for kind in ('disks', 'snapshots', 'put', 'get')})
    daemon = Daemon(snapkeepd, folder, policy(
        server, '  gold: {schedule: {every: 2s}, keep: {last: 1}}'))
    wait_for(lambda: sum(r.kind() == 'put' for r in server.requests) >= 4, 60, 'four snapshots')
    same(daemon.stop(), 0, 'status')
    same([r.path for r in server.requests if r.kind() == 'delete'], [], 'deletions')
    wanted = (r'warning: nothing is deleted of everything \(clock\): no reply of ARM has a Date that our '
              r'clock or another agrees with; .*')
    if not re.search(rf'(?m)^\S+Z {wanted}$', daemon.said()):
        raise AssertionError(f'not said: {wanted}\n{daemon.said()}')
    server.close()


@tap
def state_that_cannot_be_opened(folder, snapkeepd, ctl, results):
    """a state directory that is none: what it held may be a pause, so slots are taken, nothing is deleted"""
    path = os.path.join(folder, 'state')
    with open(path, 'w'):
        pass
    server = Azure()
    daemon = Daemon(snapkeepd, folder, policy(
        server, '  gold: {schedule: {every: 2s}, keep: {last: 1}}'), STATE_DIRECTORY=path)
    wait_for(lambda: sum(r.kind() == 'put' for r in server.requests) >= 4, 60, 'four snapshots')
    same(daemon.stop(), 0, 'status')
    same([r.path for r in server.requests if r.kind() == 'delete'], [], 'deletions')
    for wanted in ('the state that was kept cannot be read: Not a directory; ',
                   'deletions are paused until snapkeepctl resume',
                   'the state cannot be written: Not a directory'):
        if wanted not in daemon.said():
            raise AssertionError(f'not said: {wanted}\n{daemon.said()}')
    server.close()


@tap
def state_directory_of_another(folder, snapkeepd, ctl, results):
    """two daemons on one state directory: the second says so, deletes nothing, and leaves the first's as it is"""
    path = os.path.join(folder, 'state')
    os.mkdir(path)
    server = Azure()
    wanted = policy(server, '  gold: {schedule: {every: 2s}, keep: {last: 1}}')
    first = Daemon(snapkeepd, folder, wanted, STATE_DIRECTORY=path)
    wait_for(lambda: os.path.exists(os.path.join(path, 'state')), 60, 'a state')
    other = os.path.join(folder, 'other')
    os.mkdir(other)
    second = Daemon(snapkeepd, other, wanted, STATE_DIRECTORY=path)
    wait_for(lambda: 'deletions are paused until snapkeepctl resume' in second.said(), 20, 'its word')
    if f'the state directory {path} cannot be used (another daemon uses it)' not in second.said():
        raise AssertionError(second.said())
    same(second.stop(), 0, 'status')
    same(first.stop(), 0, 'status')
    same(os.listdir(path), ['state'], 'files')
    for line in first.said().splitlines():
        if 'the state ' in line:
            raise AssertionError(line)
    server.close()


@tap
def slow_is_no_hold(folder, snapkeepd, ctl, results):
    """one byte a second, in head, body or token, does not hold up a stop: 5 s at most; --once is not done"""
    for number, (status, options, worst) in enumerate([
            (0, [], {'disks': drip(reply(200, '{"value":[', length=1000))}),
            (75, ['--once'], {'disks': drip(reply(200, '{"value":[', length=1000))}),
            (0, [], {'disks': drip(b'HTTP/1.1 200 OK\r\nX-Slow:')}),
            (0, [], {'token': drip(reply(200, '{', length=1000))})]):
        server = Azure(**worst)
        own = os.path.join(folder, str(number))
        os.mkdir(own)
        daemon = Daemon(snapkeepd, own, policy(server, GOLD), *options)
        kind = list(worst)[0]
        wait_for(lambda: any(r.kind() == kind for r in server.requests), 20, f'the {kind} request')
        time.sleep(1.2)
        began = time.monotonic()
        same(daemon.stop(), status, 'status')
        seconds = time.monotonic() - began
        same(seconds < 5, True, f'the stop took {seconds:.1f} s')
        server.close()


@tap
def nothing_went_elsewhere(folder, snapkeepd, ctl, results):
    """no case made a connection to another host"""
    if ELSEWHERE.seen:
        raise AssertionError(ELSEWHERE.seen)


def main():
    snapkeepd, ctl = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix='snapkeep-hostile-') as folder:
        return tap.main(snapkeepd, ctl, run_all(folder, snapkeepd))


if __name__ == '__main__':
    sys.exit(main())
