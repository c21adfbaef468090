"""A server that speaks PostgreSQL's protocol: it hands everything on to a real one, and changes
what a script says. So the source meets what no server of this machine would say of itself or
answer: another version, an error in the middle of a COPY, a pooler's ways, silence.

It offers no TLS. Threads of the test run; closed with it.
"""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


@dataclass
class Fault:
    """What happens to a statement, or to a login where `statement` is None."""

    statement: str | None = "^COPY"  # a regular expression
    code: str = ""
    message: str = ""
    after: int = 0  # so many messages of the answer are handed on before
    times: int = 1  # how often
    ends: bool = False  # FATAL: the connection ends with it
    cut: bool = False  # the connection ends without a word
    silent: bool = False  # no further word, and the connection stays
    pause: threading.Event | None = None  # nothing is wrong: the answer waits there for it
    detail: str = ""
    hint: str = ""
    function: str = ""  # of the server's code
    once: Callable[[], bool] = lambda: True  # it waits for that to hold
    happened: int = 0
    paused: threading.Event = field(default_factory=threading.Event)


@dataclass
class Script:
    version: str | None = None  # what version() answers
    parameters: dict = field(default_factory=dict)  # what the login is told: server_version, …
    faults: list = field(default_factory=list)
    renamed: dict = field(default_factory=dict)  # words of statements that the server does not know
    process: int = 0  # added to the process number that the login is told, as a pooler's is another


def error_message(fault):
    severity = "FATAL" if fault.ends or fault.statement is None else "ERROR"
    fields = {"S": severity, "V": severity, "C": fault.code, "M": fault.message}
    more = {"D": fault.detail, "H": fault.hint, "R": fault.function}
    fields |= {kind: text for kind, text in more.items() if text}
    body = b"".join(k.encode() + v.encode() + b"\0" for k, v in fields.items()) + b"\0"
    return b"E" + struct.pack("!I", len(body) + 4) + body


def message(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


class Closed(Exception):
    pass


def receive(stream, size):
    data = stream.read(size)
    if len(data) < size:
        raise Closed
    return data


def receive_message(stream):
    head = receive(stream, 5)
    return head[:1], receive(stream, struct.unpack("!I", head[1:])[0] - 4)


class Session:
    """One client's connection, and the real server's behind it."""

    def __init__(self, proxy, client):
        self.proxy = proxy
        self.client = client
        self.server = None
        self.from_client = client.makefile("rb")
        self.from_server = None
        self.fault = None  # the one whose statement is under way
        self.left = 0  # messages to hand on before it
        self.skipping = False  # until the server is ready again

    def run(self):
        try:
            if self.start():
                up = threading.Thread(target=self.upwards, daemon=True)
                up.start()
                self.downwards()
        except (Closed, OSError, ValueError):
            pass
        finally:
            self.close()

    def close(self):
        for connection in (self.client, self.server):
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()

    def start(self):
        """The login's first message; False: that was all."""
        while True:
            size = struct.unpack("!I", receive(self.from_client, 4))[0]
            body = receive(self.from_client, size - 4)
            kind = struct.unpack("!I", body[:4])[0]
            if kind not in (SSL_REQUEST, GSS_REQUEST):
                break
            self.client.sendall(b"N")
        fault = None if kind == CANCEL_REQUEST else self.proxy.take_fault(None)
        if fault is not None:
            if fault.silent:
                self.proxy.ended.wait()
            elif not fault.cut:
                self.client.sendall(error_message(fault))
            return False
        if kind == CANCEL_REQUEST and self.proxy.script.process:
            process, secret = struct.unpack("!iI", body[4:12])
            body = body[:4] + struct.pack("!iI", process - self.proxy.script.process, secret)
        self.server = socket.create_connection(self.proxy.target)
        for connection in (self.client, self.server):  # messages are small, and each is waited for
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.from_server = self.server.makefile("rb")
        self.server.sendall(struct.pack("!I", size) + body)
        if kind == CANCEL_REQUEST:
            self.from_server.read()  # the server closes it once the backend has been told
            return False
        return True

    def upwards(self):
        """From the client to the server."""
        with contextlib.suppress(Closed, OSError, ValueError):
            while True:
                kind, body = receive_message(self.from_client)
                if kind == b"Q":
                    statement = body.rstrip(b"\0").decode()
                    self.proxy.statements.append(statement)
                    self.fault = self.proxy.take_fault(statement)
                    self.left = self.fault.after if self.fault else 0
                    for word, known in self.proxy.script.renamed.items():
                        statement = statement.replace(word, known)
                    body = statement.encode() + b"\0"
                self.server.sendall(message(kind, body))
        self.close()

    def downwards(self):
        """From the server to the client."""
        while True:
            kind, body = receive_message(self.from_server)
            if self.skipping:
                self.skipping = kind != b"Z"
                if self.skipping:
                    continue
            elif self.fault is not None and kind != b"N":
                # The end of the answer counts as its last message.
                if self.left <= 0 or kind in (b"C", b"c", b"Z"):
                    pauses = self.fault.pause is not None
                    if not self.fail():
                        return
                    self.skipping = kind != b"Z" and not pauses
                    if self.skipping:
                        continue
                self.left -= 1
            self.client.sendall(message(kind, self.change(kind, body)))

    def fail(self):
        """False: the connection is over."""
        fault, self.fault = self.fault, None
        if fault.pause is not None:
            fault.paused.set()
            fault.pause.wait(60)
            return True
        if fault.silent:
            self.proxy.ended.wait()
        elif not fault.cut:
            self.client.sendall(error_message(fault))
        return not (fault.ends or fault.cut or fault.silent)

    def change(self, kind, body):
        script = self.proxy.script
        if kind == b"S":
            name = body.split(b"\0")[0].decode()
            if name in script.parameters:
                return f"{name}\0{script.parameters[name]}\0".encode()
        elif kind == b"K" and script.process:
            process, secret = struct.unpack("!iI", body)
            return struct.pack("!iI", process + script.process, secret)
        elif kind == b"D" and script.version is not None:
            return change_version(body, script.version)
        return body


def change_version(body, version):
    """A row of which a field is what version() says."""
    count, at = struct.unpack("!H", body[:2])[0], 2
    changed = body[:2]
    for _ in range(count):
        size = struct.unpack("!i", body[at : at + 4])[0]
        value = body[at + 4 : at + 4 + max(size, 0)]
        at += 4 + max(size, 0)
        if value.startswith(b"PostgreSQL "):
            value = version.encode()
            size = len(value)
        changed += struct.pack("!i", size) + value
    return changed


class Proxy:
    """Listens on a free port of the loopback; `configuration` leads to it."""

    def __init__(self, server, script=None):
        self.real = server
        self.script = script or Script()
        self.target = (server.host, server.port)
        self.statements = []
        self.sessions = []
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                session = Session(self, client)
                self.sessions.append(session)
                threading.Thread(target=session.run, daemon=True).start()

    def take_fault(self, statement):
        with self.lock:
            for fault in self.script.faults:
                if (fault.statement is None) != (
                    statement is None
                ) or fault.happened >= fault.times:
                    continue
                if (statement is None or re.search(fault.statement, statement)) and fault.once():
                    fault.happened += 1
                    return fault
        return None

    def close(self):
        self.ended.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for session in self.sessions:
            session.close()
