"""A connector that follows one of the scripts of scripts.py, written from the contract on grpcio.

    scripted.py SCRIPT      with the folder of the modules made from proto/*.proto in PYTHONPATH

It listens on a free port of the loopback and prints "listening PORT". Answers are bytes, so that a
script can send what no library would.
"""

import sys
from concurrent import futures

import grpc
import scripts

LARGEST = 512 << 20


def main():
    script = scripts.SCRIPTS[sys.argv[1]]()
    calls = {
        "ConfigurationForm": grpc.unary_unary_rpc_method_handler(
            lambda request, context: script.form(), None, bytes
        ),
        "Test": grpc.unary_unary_rpc_method_handler(
            lambda request, context: script.test(request), None, bytes
        ),
        "Schema": grpc.unary_unary_rpc_method_handler(
            lambda request, context: script.schema(), None, bytes
        ),
        "Update": grpc.unary_stream_rpc_method_handler(script.answer, None, bytes),
    }
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=4),
        options=[("grpc.max_send_message_length", LARGEST), ("grpc.so_reuseport", 0)],
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("fivetran_sdk.v2.SourceConnector", calls)]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening {port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
