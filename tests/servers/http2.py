"""HTTP/2 and gRPC's framing by hand (RFC 9113, RFC 7541), for what no library would send."""

import struct
import threading

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW = 4  # the setting's number
DATA_MAX = 16384


def frame(kind, flags, stream, payload=b""):
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def header(name, value):
    """A literal that is not indexed, with a new name."""

    def text(value):
        assert len(value) < 127
        return bytes([len(value)]) + value.encode()

    return b"\0" + text(name) + text(value)


def message(payload, flags=0, length=None):
    return bytes([flags]) + struct.pack(">I", len(payload) if length is None else length) + payload


class Connection:
    """One connection of either role. `took(kind, flags, stream, payload)` is told of each frame."""

    def __init__(self, peer, took):
        self.peer, self.took = peer, took
        self.changed = threading.Condition()
        self.windows, self.initial = {0: 65535}, 65535
        self.over = False
        threading.Thread(target=self.read_all, daemon=True).start()

    def send(self, *frames):
        with self.changed:
            self.peer.sendall(b"".join(frames))

    def read_all(self):
        try:
            with self.peer.makefile("rb") as stream:
                self.read_frames(stream)
        except (OSError, EOFError):
            pass
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def read_frames(self, stream):
        while head := stream.read(9):
            if head + stream.peek(15)[:15] == PREFACE:
                stream.read(15)
                continue
            size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            number = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            payload = stream.read(size)
            self.account(kind, flags, number, payload)
            self.took(kind, flags, number, payload)

    def account(self, kind, flags, number, payload):
        with self.changed:
            if kind == WINDOW:
                self.windows[number] = self.windows.get(number, self.initial) + int.from_bytes(
                    payload, "big"
                )
            elif kind == SETTINGS and not flags & ACK:
                for at in range(0, len(payload), 6):
                    name, value = struct.unpack(">HI", payload[at : at + 6])
                    if name == INITIAL_WINDOW:
                        for stream in self.windows.keys() - {0}:
                            self.windows[stream] += value - self.initial
                        self.initial = value
                self.peer.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.peer.sendall(frame(PING, ACK, 0, payload))
            elif kind == DATA and payload:
                self.peer.sendall(frame(WINDOW, 0, 0, struct.pack(">I", len(payload))))
            self.changed.notify_all()

    def send_data(self, stream, data, stop=lambda: False):
        """As far as the peer lets it; False: the connection is over, or `stop` says so."""
        with self.changed:
            self.windows.setdefault(stream, self.initial)
            while not self.over and not stop():
                if min(self.windows[0], self.windows[stream]) >= len(data):
                    self.windows[0] -= len(data)
                    self.windows[stream] -= len(data)
                    self.peer.sendall(frame(DATA, 0, stream, data))
                    return True
                self.changed.wait(30)
        return False
