"""An OTLP/HTTP collector over opentelemetry-proto's own classes: otlp.py PORT OUT [--busy N] [--refuse WORD] [--chunked].

Appends a JSON line for each log record, span and data point. --busy answers the first N requests with 503; --refuse says of records
whose event is WORD that they were rejected.
"""
import argparse, json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("out")
parser.add_argument("--busy", type=int, default=0)
parser.add_argument("--refuse")
parser.add_argument("--chunked", action="store_true")
options = parser.parse_args()
busy = options.busy


def value(any):
    kind = any.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in any.array_value.values]
    return getattr(any, kind)


def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}


def lines(path, body):
    if path == "/v1/logs":
        for group in ExportLogsServiceRequest.FromString(body).resource_logs:
            for scope in group.scope_logs:
                for record in scope.log_records:
                    yield {"signal": "logs", "resource": attributes(group.resource.attributes), "time": record.time_unix_nano,
                           "observed": record.observed_time_unix_nano, "severity": record.severity_number,
                           "level": record.severity_text, "body": value(record.body), "event": record.event_name,
                           "attributes": attributes(record.attributes), "trace": record.trace_id.hex(),
                           "span": record.span_id.hex(), "flags": record.flags}
    if path == "/v1/traces":
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in group.scope_spans:
                for span in scope.spans:
                    yield {"signal": "traces", "resource": attributes(group.resource.attributes), "name": span.name,
                           "trace": span.trace_id.hex(), "span": span.span_id.hex(), "parent": span.parent_span_id.hex(),
                           "start": span.start_time_unix_nano, "end": span.end_time_unix_nano, "kind": span.kind,
                           "attributes": attributes(span.attributes)}
    if path == "/v1/metrics":
        for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    kind = metric.WhichOneof("data")
                    for point in getattr(metric, kind).data_points:
                        line = {"signal": "metrics", "resource": attributes(group.resource.attributes), "name": metric.name,
                                "unit": metric.unit, "kind": kind, "attributes": attributes(point.attributes),
                                "start": point.start_time_unix_nano, "time": point.time_unix_nano}
                        if kind == "histogram":
                            line |= {"count": point.count, "sum": point.sum, "buckets": list(point.bucket_counts),
                                     "bounds": list(point.explicit_bounds)}
                        else:
                            line["value"] = point.as_double
                        if kind == "sum":
                            line |= {"monotonic": metric.sum.is_monotonic, "temporality": metric.sum.aggregation_temporality}
                        yield line


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        global busy
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/x-protobuf"
        answer = b""
        if busy > 0:
            busy -= 1
            self.send_response(503)
        else:
            found = list(lines(self.path, body))
            if options.refuse:
                bad = [line for line in found if line.get("event") == options.refuse]
                found = [line for line in found if line.get("event") != options.refuse]
                if bad:
                    response = ExportLogsServiceResponse()
                    response.partial_success.rejected_log_records = len(bad)
                    response.partial_success.error_message = "not wanted here"
                    answer = response.SerializeToString()
            with open(options.out, "a") as file:
                for line in found:
                    file.write(json.dumps(line) + "\n")
            self.send_response(200)
        if options.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            if answer:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(answer), answer))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", options.port), Handler)
print("ready", flush=True)
server.serve_forever()
