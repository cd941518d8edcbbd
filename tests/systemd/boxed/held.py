"""A proxy before azure-sim that holds what a test wants to be in the middle of."""

import http.client
import http.server
import sys
import threading


class Server(http.server.ThreadingHTTPServer):
    """One whose clients are killed in the middle of what they ask, which is no word in the log."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Held(Server):
    """Passes requests on, but of one method: the client of the first of those waits until let_go(), or
    for ever. With @effect the service has had it by then, and the answer alone is held."""

    def __init__(self, port, method, effect=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = port
        self.method = method
        self.effect = effect
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        self.seen = threading.Event()
        self.over = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def let_go(self):
        self.over.set()

    def end(self):
        self.over.set()
        self.shutdown()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        held = self.command == self.server.method and not self.server.over.is_set()
        if held and not self.server.effect:
            self.wait()
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.port)
        upstream.request(self.command, self.path, body, dict(self.headers.items()))
        reply = upstream.getresponse()
        data = reply.read()
        upstream.close()
        if held:
            self.wait()
            return
        self.send_response_only(reply.status)
        for name, value in reply.getheaders():
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def wait(self):
        """The connection then breaks, as when a machine between dies."""
        self.server.seen.set()
        self.server.over.wait()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = pass_on

    def log_message(self, format, *arguments):
        pass
