"""fluentbit-server-py, as its README has it: fluentbit.py PORT OUT [KEY]. It knows Forward mode and the shared key, no acknowledgements."""
import json, sys
from fluentbit_server.fluentbit_authentication import FluentbitAuthentication
from fluentbit_server.fluentbit_request_handler import FluentbitRequestHandler
from fluentbit_server.fluentbit_server import FluentbitServer
from fluentbit_server.fluentbit_transport import FluentbitTransport


def text(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {text(key): text(one) for key, one in value.items()}
    return [text(one) for one in value] if isinstance(value, list) else value


def take(event):
    with open(sys.argv[2], "a") as file:
        file.write(json.dumps({"tag": text(event.tag), "time": 0, "record": text(event.record)}) + "\n")


class Transport(FluentbitTransport):
    def __init__(self):
        super().__init__(take, 64 << 20)


class Authentication(FluentbitAuthentication):
    def __init__(self):
        super().__init__(sys.argv[3], "collector")


FluentbitServer.allow_reuse_address = True
server = FluentbitServer(
    ("127.0.0.1", int(sys.argv[1])), FluentbitRequestHandler, Transport, Authentication if len(sys.argv) > 3 else None)
print("ready", flush=True)
server.serve_forever()
