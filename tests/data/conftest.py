"""Fixtures for tests of data sets."""

import socket

import pytest


@pytest.fixture
def no_network(monkeypatch):
    """Fails a test that opens a connection."""

    def refuse(*arguments, **_):
        raise AssertionError(f"A connection was tried: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
