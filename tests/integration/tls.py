#!/usr/bin/env python3
"""tls: whom the transport believes, and that it loads its trust once.

    tls.py CLIENT        CLIENT is tls-client as built; as TAP

Makes authorities and certificates with openssl(1), serves them from threads of this process, and
lets the client ask. The servers count connections and keep every request that got through.
"""

import ctypes
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import warnings

CLIENT = sys.argv[1]


def openssl(*arguments):
    subprocess.run(("openssl",) + arguments, check=True, capture_output=True)


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-subj", "/CN=" + name, "-days", "2", "-keyout", name + ".key", "-out", name + ".pem")


def certificate(name, signer, names="IP:127.0.0.1,DNS:localhost", expired=False):
    """Writes NAME.crt, key and certificate in one."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            "/CN=" + name, "-keyout", name + ".key", "-out", name + ".csr")
    with open("ca.cnf", "w") as config:
        config.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nserial=serial\n"
                     "new_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n"
                     "x509_extensions=x\n[p]\ncommonName=supplied\n"
                     "[x]\nsubjectAltName=%s\n" % names)
    open("index.txt", "w").close()
    with open("serial", "w") as serial:
        serial.write("%02X\n" % (len(os.listdir()) + 1))
    dates = (["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"] if expired
             else ["-days", "1"])
    openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", signer + ".pem", "-keyfile",
            signer + ".key", "-in", name + ".csr", "-out", name + ".pem", *dates)
    with open(name + ".crt", "w") as out:
        for part in (name + ".key", name + ".pem"):
            with open(part) as source:
                out.write(source.read())


class Server:
    """HTTPS/1.1 with keep-alive, or by hand what a subclass says."""

    protocol = "http/1.1"

    def __init__(self, name, version=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if version:
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            warnings.simplefilter("ignore")  # that a version is old is the point
            self.context.minimum_version = self.context.maximum_version = version
        self.context.load_cert_chain(name + ".crt")
        self.context.set_alpn_protocols([self.protocol])
        self.connections = 0
        self.requests = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = "https://127.0.0.1:%d/x" % self.port
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            self.connections += 1
            threading.Thread(target=self.connected, args=(connection,), daemon=True).start()

    def connected(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as tls:
                self.serve(tls)
        except (OSError, EOFError):
            pass

    def serve(self, tls):
        text = b""
        while True:
            more = tls.recv(4096)
            if not more:
                return
            text += more
            while b"\r\n\r\n" in text:
                head, text = text.split(b"\r\n\r\n", 1)
                self.requests.append(head.decode())
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


class Http2(Server):
    """As much of RFC 9113 as one request and one reply need; ":status: 200" is byte 0x88."""

    protocol = "h2"
    refuse = False
    behind = 0  # requests that must be there before the first is answered
    dies_after = None  # requests that the first connection answers; then whatever comes is lost

    def serve(self, tls):
        stream = tls.makefile("rb")
        if stream.read(24) != b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
            return
        lock = threading.Lock()
        waiting = []
        first = self.connections == 1

        def send(kind, flags, number, payload=b""):
            with lock:
                tls.sendall(struct.pack(">I", len(payload))[1:] + struct.pack(
                    ">BBI", kind, flags, number) + payload)

        send(4, 0, 0)
        while True:
            head = stream.read(9)
            if len(head) < 9:
                return
            length = int.from_bytes(head[:3], "big")
            kind, flags, number = struct.unpack(">BBI", head[3:])
            stream.read(length)
            if kind == 4 and not flags & 1:
                send(4, 1, 0)
            if kind != 1:
                continue
            self.requests.append("stream %d" % number)
            if self.dies_after is not None and first and len(self.requests) > self.dies_after:
                continue
            if self.refuse:
                send(3, 0, number, struct.pack(">I", 7))  # RST_STREAM, REFUSED_STREAM
                continue
            waiting.append(number)
            if len(self.requests) >= self.behind:
                for one in waiting:
                    send(1, 4, one, b"\x88")
                    send(0, 1, one, b"hello")
                waiting.clear()


class Garbage(Server):
    """Speaks no TLS at all."""

    def connected(self, connection):
        connection.sendall(b"220 mail.example ESMTP\r\n")
        connection.recv(4096)
        connection.close()


class Opens:
    """Counts how often a file is opened, by inotify(7), which merges equal events unless others,
    here of closing, are between."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, path.encode(), 0x20 | 0x10) < 0:
            raise OSError(ctypes.get_errno(), "inotify")

    def count(self):
        n = 0
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return n
            while data:
                _, mask, _, length = struct.unpack("iIII", data[:16])
                data = data[16 + length:]
                n += mask & 0x20 != 0


def ask(*arguments):
    """The client's lines as lists: outcome, status, body, detail."""
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    run = subprocess.run((CLIENT,) + arguments, env=environment, capture_output=True, text=True,
                         timeout=30, check=False)
    if run.returncode != 0:
        raise RuntimeError("client: status %d %s" % (run.returncode, run.stderr))
    return [line.split("|", 3) for line in run.stdout.splitlines()]


def believed(lines, n):
    if [line[:3] for line in lines] != [["reply", "200", "hello"]] * n:
        raise AssertionError(lines)


def refused(server, lines, *words):
    """Not sent, for a reason in one of @words, and nothing arrived: no token, no request."""
    for outcome, status, body, detail in lines:
        if outcome != "not sent" or status != "0" or body != "-":
            raise AssertionError(lines)
        if words and not any(word in detail for word in words):
            raise AssertionError(detail)
    if not lines or server.requests:
        raise AssertionError("%s, %s" % (lines, server.requests))


def check_good():
    server = Server("good")
    believed(ask("--ca", "root.pem", server.url), 1)
    assert "Authorization: Bearer T0KEN" in server.requests[0]


def check_system_store():
    server = Server("good")
    refused(server, ask(server.url), "certificate", "CA")


def check_other_authority():
    server = Server("stranger")
    refused(server, ask("--ca", "root.pem", server.url), "certificate")


def check_expired():
    server = Server("expired")
    refused(server, ask("--ca", "root.pem", server.url), "certificate has expired")


def check_wrong_name():
    server = Server("elsewhere")
    refused(server, ask("--ca", "root.pem", server.url), "127.0.0.1")
    refused(server, ask("--ca", "root.pem", server.url.replace("127.0.0.1", "localhost")),
            "localhost")


def check_ca_missing():
    server = Server("good")
    refused(server, ask("--ca", "nothing.pem", server.url), "nothing.pem", "CAfile", "cert")


def check_ca_broken():
    with open("broken.pem", "w") as broken:
        broken.write("no certificate\n")
    server = Server("good")
    refused(server, ask("--ca", "broken.pem", server.url))


def check_tls12():
    server = Server("good", ssl.TLSVersion.TLSv1_2)
    believed(ask("--ca", "root.pem", server.url), 1)


def check_tls11():
    server = Server("good", ssl.TLSVersion.TLSv1_1)
    refused(server, ask("--ca", "root.pem", server.url))


def check_no_tls():
    server = Garbage("good")
    refused(server, ask("--ca", "root.pem", server.url))


def check_kept_alive():
    server = Server("good")
    believed(ask("--ca", "root.pem", *[server.url] * 5), 5)
    assert server.connections == 1, server.connections


def check_store_loaded_once():
    servers = [Server("good") for _ in range(5)]
    opens = Opens("root.pem")
    urls = [server.url for server in servers] * 2
    believed(ask("--ca", "root.pem", *urls), 10)
    believed(ask("--ca", "root.pem", "--together", *urls), 10)
    assert sum(server.connections for server in servers) >= 10
    count = opens.count()
    assert count == 2, "%d opens in two processes" % count  # it can fail: the counter counts


def check_http2():
    server = Http2("good")
    server.behind = 4
    believed(ask("--ca", "root.pem", "--together", *[server.url] * 4), 4)
    assert server.connections == 1, server.connections
    assert server.requests == ["stream 1", "stream 3", "stream 5", "stream 7"], server.requests


def check_http2_refused():
    server = Http2("good")
    server.refuse = True
    lines = ask("--ca", "root.pem", "--put", server.url)
    assert lines[0][0] == "reply lost", lines
    assert len(server.requests) == 1, server.requests


def check_http2_dead():
    server = Http2("good")
    server.dies_after = 1
    lines = ask("--ca", "root.pem", *[server.url] * 4)
    assert [line[0] for line in lines] == ["reply", "timed out", "reply", "reply"], lines
    assert server.connections == 2, server.connections


def check_http2_dead_in_use():
    """Others are on it at any time: those that come after the first had no answer keep off it."""
    server = Http2("good")
    server.dies_after = 1
    lines = ask("--ca", "root.pem", "--every", "1000", *[server.url] * 8)
    outcomes = [line[0] for line in lines]
    assert outcomes[:3] == ["reply", "timed out", "timed out"], lines
    assert outcomes[5:] == ["reply"] * 3, lines


CHECKS = [
    ("a certificate of the private authority is believed", check_good),
    ("the same without that authority is not", check_system_store),
    ("one of another authority is not", check_other_authority),
    ("one that has expired is not", check_expired),
    ("one of another host is not", check_wrong_name),
    ("an authority's file that is missing", check_ca_missing),
    ("an authority's file without certificates", check_ca_broken),
    ("TLS 1.2 is enough", check_tls12),
    ("TLS 1.1 is not", check_tls11),
    ("a server without TLS", check_no_tls),
    ("a connection is kept", check_kept_alive),
    ("the authority's file is opened once", check_store_loaded_once),
    ("HTTP/2 carries several requests on a connection", check_http2),
    ("a refused stream is not sent again", check_http2_refused),
    ("a connection that has gone quiet is not used again", check_http2_dead),
    ("the same while others are on it", check_http2_dead_in_use),
]


def main():
    with tempfile.TemporaryDirectory(prefix="tls-test.") as directory:
        os.chdir(directory)
        authority("root")
        authority("other")
        certificate("good", "root")
        certificate("stranger", "other")
        certificate("expired", "root", expired=True)
        certificate("elsewhere", "root", names="DNS:management.example")
        print("1..%d" % len(CHECKS))
        failed = 0
        for number, (title, check) in enumerate(CHECKS, 1):
            try:
                check()
                print("ok %d - %s" % (number, title))
            except (AssertionError, OSError, RuntimeError, IndexError) as error:
                failed += 1
                print("not ok %d - %s" % (number, title))
                print("# %s: %s" % (type(error).__name__, error))
            sys.stdout.flush()
        os.chdir("/")
    return 1 if failed else 0


if __name__ == "__main__":
    CLIENT = os.path.abspath(CLIENT)
    sys.exit(main())
