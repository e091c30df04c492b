"""A server for a person on this machine: a fixed list of paths, on loopback alone."""

import http.server
import sys

HOST = "127.0.0.1"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",  # a run may be exported again while the page is open
}


class DemoServer(http.server.ThreadingHTTPServer):
    """Answers GET and HEAD for what a site holds, and nothing else.

    A request that names another host than this one is refused: a page from elsewhere whose
    name was made to lead to this machine cannot read anything.

    Args:
        site: a `Site`.
        port: 0 for any that is free.

    Raises:
        OSError: when the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, site, port=0):
        self.site = site
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request, client_address):
        """Says nothing of a browser that went away in the middle of an answer."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    @property
    def address(self):
        """Where a browser finds the page."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "mosaickd_tf", ""
    timeout = 30  # seconds, for a client that says nothing

    def do_GET(self):  # noqa: N802, the name is http.server's
        """Sends a file of the site."""
        content = self._head()
        if content is not None:
            self.wfile.write(content)

    def do_HEAD(self):  # noqa: N802
        """Sends what is known of a file."""
        self._head()

    def end_headers(self):
        """Adds to every answer what keeps the page to itself."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", self.server.site.policy)
        super().end_headers()

    def log_message(self, *_):
        """Says nothing on the terminal."""

    def _head(self):
        """Answers up to the content, which it returns; None after a refusal."""
        port = self.server.server_port
        if self.headers.get_all("Host") not in ([f"{HOST}:{port}"], [f"localhost:{port}"]):
            return self.send_error(403, "Not the name of this server")
        served = self.server.site.files.get(self.path.partition("?")[0])
        if served is None:
            return self.send_error(404)
        try:
            content = served.read()
        except OSError:
            return self.send_error(404, "Gone since the server was started")
        self.send_response(200)
        self.send_header("Content-Type", served.kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content
