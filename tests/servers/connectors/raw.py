"""A connector that writes HTTP/2 by hand, for answers that no library would send.

    raw.py MODE     with the folder of the modules made from proto/*.proto in PYTHONPATH

Its form is empty and it has no Schema; Update answers as MODE says. Prints "listening PORT".
"""

import contextlib
import socket
import sys
import threading

import connector_sdk_pb2 as sdk
import http2
from http2 import DATA, END_HEADERS, END_STREAM, HEADERS, RESET, frame, header, message

HEAD = header(":status", "200") + header("content-type", "application/grpc")
OK = header("grpc-status", "0")
ANNOUNCED = 0xF0000000


def records(first, count):
    """A message of records, and the checkpoint after it."""
    response = sdk.UpdateResponse()
    for i in range(first, first + count):
        record = response.records.records.add(table_name="t")
        record.data["id"].long = i
    checkpoint = sdk.UpdateResponse()
    checkpoint.checkpoint.state_json = "{}"
    return response.SerializeToString(), checkpoint.SerializeToString()


def flood(connection, stream):
    """A message of 3.9 GB; its bytes come as long as they are taken."""
    data = message(b"x" * (http2.DATA_MAX - 5), length=ANNOUNCED)
    sent = 0
    while sent < 1 << 30 and connection.send_data(stream, data):
        sent += len(data)
        data = b"x" * http2.DATA_MAX
    connection.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, OK))


def update(mode, connection, stream):
    rows, checkpoint = records(0, 10)
    more, _ = records(10, 90)
    good = frame(DATA, 0, stream, message(rows) + message(checkpoint))
    connection.send(frame(HEADERS, END_HEADERS, stream, HEAD))
    end = frame(HEADERS, END_HEADERS | END_STREAM, stream, OK)
    if mode == "flood":
        flood(connection, stream)
        return
    last = {
        "good": [frame(DATA, 0, stream, message(more) + message(checkpoint)), end],
        "announces_more": [frame(DATA, 0, stream, message(more, length=len(more) + 1)), end],
        "announces_4_gb": [frame(DATA, 0, stream, message(b"abc", length=ANNOUNCED)), end],
        "half_a_prefix": [frame(DATA, 0, stream, b"\0\0"), end],
        "cut_in_data": [frame(DATA, END_STREAM, stream, message(b"abc", length=1000))],
        "unknown_flags": [frame(DATA, 0, stream, message(more, flags=7)), end],
        "outside": [frame(DATA, 0, stream + 2, message(more)), end],
        "reset": [frame(RESET, 0, stream, b"\0\0\0\x08")],
        "garbage": [b"\xff" * 5000],
        "odd_status": [
            frame(HEADERS, END_HEADERS | END_STREAM, stream, header("grpc-status", "abc"))
        ],
        "escapes": [
            frame(HEADERS, END_HEADERS | END_STREAM, stream,
                  header("grpc-status", "13") + header("grpc-message", "%1B[31mred%C2%9B2J")),
        ],
    }[mode]  # fmt: skip
    connection.send(good, *last)


class Calls:
    """The calls of one connection, in their order: the form, Schema, Update."""

    def __init__(self, mode, peer):
        self.mode, self.count = mode, 0
        peer.sendall(frame(http2.SETTINGS, 0, 0))
        self.connection = http2.Connection(peer, self.took)

    def took(self, kind, flags, stream, _):
        if kind not in (DATA, HEADERS) or not flags & END_STREAM:
            return
        self.count += 1
        if self.count == 3:
            threading.Thread(target=self.update, args=(stream,), daemon=True).start()
            return
        answer = b"" if self.count == 1 else sdk.SchemaResponse(
            schema_response_not_supported=True
        ).SerializeToString()  # fmt: skip
        self.connection.send(
            frame(HEADERS, END_HEADERS, stream, HEAD),
            frame(DATA, 0, stream, message(answer)),
            frame(HEADERS, END_HEADERS | END_STREAM, stream, OK),
        )

    def update(self, stream):
        with contextlib.suppress(OSError):
            update(self.mode, self.connection, stream)


def main():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"listening {listener.getsockname()[1]}", flush=True)
        while True:
            Calls(sys.argv[1], listener.accept()[0])


if __name__ == "__main__":
    main()
