"""A client that starts an Update, reads a few messages, says so, and then reads no more.

Usage: reader.py PORT CONFIGURATION MESSAGES. It is made to be killed.
"""

import itertools
import json
import sys
import time

import grpc


def main():
    port, configuration, messages = sys.argv[1:]
    # By hand, so that it starts fast: the request is one map.
    request = b""
    for key, value in json.loads(configuration).items():
        pair = [part.encode() for part in (key, value)]
        assert all(len(part) < 100 for part in pair)
        entry = bytes([10, len(pair[0])]) + pair[0] + bytes([18, len(pair[1])]) + pair[1]
        assert len(entry) < 128
        request += bytes([10, len(entry)]) + entry
    channel = grpc.insecure_channel(
        f"127.0.0.1:{port}", [("grpc.max_receive_message_length", 134217728)]
    )
    stream = channel.unary_stream("/fivetran_sdk.v2.SourceConnector/Update")(request)
    for _ in itertools.islice(stream, int(messages)):
        pass
    print("reading", flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main()
