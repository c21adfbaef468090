"""A connector that follows one of the scripts of scripts.py, written from the contract on grpcio.

    scripted.py PROTOS SCRIPT      PROTOS: the folder of the modules made from proto/*.proto

It listens on a free port of the loopback and prints "listening PORT". Answers are bytes, so that a
script can send what no library would.
"""

import sys
from concurrent import futures

import grpc

LARGEST = 512 << 20


def main():
    sys.path.insert(0, sys.argv[1])
    import scripts  # needs the folder of protos

    script = scripts.SCRIPTS[sys.argv[2]]()
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
        "Update": grpc.unary_stream_rpc_method_handler(
            lambda request, context: script.answer(request, context), None, bytes
        ),
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
