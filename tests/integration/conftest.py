"""Fixtures of the tests that run the executable: a small hospital, and `penstock serve`."""

import pytest
from clients.connector import Client, Server


class Serving:
    """Starts servers, each with a client at hand; all are stopped when the test ends."""

    def __init__(self, penstock):
        self.penstock = penstock
        self.opened = []

    def __call__(self, *arguments, **more):
        server = Server(self.penstock, *arguments, **more)
        server.client = self.client(server)
        return server

    def client(self, server, **more):
        client = Client(server.port, **more)
        self.opened.append(client)
        return client

    def close(self):
        for client in self.opened:
            client.channel.close()


@pytest.fixture
def serve(penstock):
    """`serve("--max-syncs", 1)` starts a server; its `.client` calls it."""
    serving = Serving(penstock)
    yield serving
    serving.close()


@pytest.fixture
def serve_debug(penstock_debug):
    """The same with the sanitizers' executable."""
    serving = Serving(penstock_debug)
    yield serving
    serving.close()


@pytest.fixture
def small(penstock):
    """The executable with a small hospital, configured in the working folder."""
    penstock.configure({"source": "ehr", "ehr_patients": "20"})
    return penstock
