"""A connector on Fivetran's own SDK for Python, version 2: `python_sdk.py python|error|exception`.

Like every connector of that SDK it answers one Update in its life.
"""

import socket
import sys
import threading

from fivetran_connector_sdk import Connector
from fivetran_connector_sdk import Operations as op


def schema(configuration):
    columns = {"id": "LONG", "name": "STRING", "born": "NAIVE_DATE"}
    return [{"table": "people", "primary_key": ["id"], "columns": columns}, {"table": "notes"}]


def update(configuration, state):
    n = state.get("n", 0)
    if sys.argv[1] == "error":
        op.error("the key has expired")
        return
    if sys.argv[1] == "exception":
        raise KeyError("no such page")
    for i in range(250):
        op.upsert("people", {"id": i + n * 250, "name": f"person {i}", "born": "2001-02-03"})
    op.upsert("notes", {"a": 1, "b": 1.5, "c": {"x": [1]}, "d": "text", "e": None, "f": True})
    op.upsert("notes", {"a": 2, "b": 2.0, "c": [1], "d": "more"})
    op.checkpoint({"n": n + 1})
    op.update("people", {"id": 1 + n * 250, "name": "changed"})
    op.delete("people", {"id": 2 + n * 250})
    op.warning("careful")
    op.checkpoint({"n": n + 1, "done": True})


def announce(port):
    """It says that it runs before it listens: wait for the port itself."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            continue
        print(f"listening {port}", flush=True)
        return


def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threading.Thread(target=announce, args=(port,), daemon=True).start()
    Connector(update=update, schema=schema).run(port=port)


if __name__ == "__main__":
    main()
