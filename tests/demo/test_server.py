"""Requests that are answered, and the responses."""

import http.client
import threading

import pytest

from mosaickd_tf.demo.server import DemoServer
from mosaickd_tf.demo.site import Served, Site


@pytest.fixture
def server(tmp_path):
    """Starts a server of a page and a file in a folder with a secret."""
    (tmp_path / "model.tflite").write_bytes(b"model")
    (tmp_path / "secret").write_bytes(b"secret")
    files = {
        "/": Served(kind="text/html; charset=utf-8", source=b"<p>page"),
        "/models/model.tflite": Served(
            kind="application/octet-stream", source=tmp_path / "model.tflite"
        ),
    }
    with DemoServer(Site(files=files, policy="default-src 'none'")) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def ask(server, path="/", method="GET", **headers):
    """Returns status, headers and content of a response; `None` omits a header."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    headers = {"Host": f"127.0.0.1:{server.server_port}"} | headers
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, values in headers.items():
        for value in [values] if isinstance(values, str) else values:
            connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def test_it_listens_on_loopback_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/"


def test_what_the_site_holds_is_sent(server):
    status, headers, content = ask(server)
    assert (status, content) == (200, b"<p>page")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert ask(server, "/models/model.tflite")[2] == b"model"
    assert ask(server, "/?picture=7", Host=f"localhost:{server.server_port}")[0] == 200


def test_head_sends_no_content(server):
    status, headers, content = ask(server, "/models/model.tflite", "HEAD")
    assert (status, headers["Content-Length"], content) == (200, "5", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/secret", "/models/secret", "/models/../secret", "/models/%2e%2e/secret", "//secret",
        "/models/", "/models/model.tflite/", "/models/model.tflite%00", "/models\\model.tflite",
        "secret", "http://127.0.0.1/", "/etc/passwd", "/../../../../../../etc/passwd",
    ],
)  # fmt: skip
def test_nothing_else_is_found(server, path):
    status, _, content = ask(server, path)
    assert status == 404
    assert b"secret" not in content and b"root:" not in content


def test_a_file_that_went_away_is_not_found(server, tmp_path):
    (tmp_path / "model.tflite").unlink()
    assert ask(server, "/models/model.tflite")[0] == 404
    assert ask(server)[0] == 200


@pytest.mark.parametrize(
    "hosts",
    ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:{}", (), ("127.0.0.1:{}",) * 2],
)
def test_a_name_that_was_made_to_lead_here_is_refused(server, hosts):
    hosts = [hosts] if isinstance(hosts, str) else hosts
    status, _, content = ask(server, Host=[h.format(server.server_port) for h in hosts])
    assert status == 403
    assert b"page" not in content


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"]
)
def test_only_get_and_head_are_answered(server, method):
    assert ask(server, method=method)[0] == 501


@pytest.mark.parametrize("path", ["/", "/no"])
def test_every_answer_carries_the_policy(server, path):
    _, headers, _ = ask(server, path)
    assert headers["Content-Security-Policy"] == "default-src 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers
    assert "Python" not in headers["Server"]


@pytest.mark.parametrize(
    "error, told", [(BrokenPipeError(), False), (ValueError("a defect"), True)]
)
def test_a_browser_that_goes_away_is_no_defect(server, capsys, error, told):
    try:
        raise error
    except type(error):
        server.handle_error(None, ("127.0.0.1", 1))
    assert ("a defect" in capsys.readouterr().err) == told
