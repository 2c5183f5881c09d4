use super::group;

group! {
    "HTTP and gRPC"
    /// HTTP requests; `path` is the pattern of the path.
    tidings_http_requests_total: Counter [Api] ["method" "path" "status"];
    /// Duration of HTTP requests, until the answer begins.
    tidings_http_request_seconds: Histogram [Api] [];
    /// Connections that the server has closed before their clients did.
    tidings_http_connections_closed_total: Counter [Api Worker] ["reason"];
    /// gRPC calls; a stream is one call.
    tidings_grpc_requests_total: Counter [Api] ["method" "code"];
    /// Duration of gRPC calls.
    tidings_grpc_request_seconds: Histogram [Api] [];
    /// Open gRPC connections.
    tidings_grpc_connections: Gauge [Api] [];
    /// gRPC connections that the server has closed before their clients did.
    tidings_grpc_connections_closed_total: Counter [Api] ["reason"];
}
