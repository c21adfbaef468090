"""A tunnel before a server that counts the bytes of either direction, and can be cut."""

import contextlib
import socket
import threading


class Tunnel:
    def __init__(self, port):
        self.target = port
        self.sent = 0  # by clients
        self.received = 0  # by clients
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                for pair in ((client, server, "sent"), (server, client, "received")):
                    threading.Thread(target=self.pump, args=pair, daemon=True).start()

    def pump(self, source, target, counter):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                with self.lock:
                    setattr(self, counter, getattr(self, counter) + len(piece))
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
