"""HTTP server of a fixed list of paths, on the loopback interface only."""

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
    """Server of GET and HEAD requests for the files of a site.

    A request that names another host is refused: a foreign page whose host name resolves to this
    machine (DNS rebinding) cannot read anything.

    Args:
        site: a `Site`.
        port: 0 for any free one.

    Raises:
        OSError: when the port is not available.
    """

    daemon_threads = True

    def __init__(self, site, port=0):
        self.site = site
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request, client_address):
        """Ignores connections that the browser closed during a response."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    @property
    def address(self):
        """Returns the URL of the page."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server_version, sys_version = "mosaickd_tf", ""
    timeout = 30  # seconds, for an idle client

    def do_GET(self):  # noqa: N802, the name is http.server's
        """Sends a file of the site."""
        content = self._head()
        if content is not None:
            self.wfile.write(content)

    def do_HEAD(self):  # noqa: N802
        """Sends the headers of a file."""
        self._head()

    def end_headers(self):
        """Adds the security headers to every response."""
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", self.server.site.policy)
        super().end_headers()

    def log_message(self, *_):
        """Logs nothing on the terminal."""

    def _head(self):
        """Sends status and headers; returns the content, or None after a refusal."""
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
