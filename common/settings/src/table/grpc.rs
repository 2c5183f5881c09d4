use super::group;
use crate::{Setting, SettingKind};

group! {
    /// A second door to the API: docs/GRPC.md.
    "gRPC"
    /// The port of the gRPC API. 0 takes any free port, which the log names. Without it there is no gRPC API.
    GRPC_PORT: [Api] = Setting::number(0, 65535).described("none: the gRPC API is off").example("50051");
    /// The IP address on which the gRPC API listens.
    GRPC_HOST: [Api] = Setting::of(SettingKind::IpAddress).described("the value of BIND_ADDRESS");
    /// Whether clients may ask for the services and their messages (gRPC server reflection, for tools such as grpcurl).
    GRPC_REFLECTION: [Api] = Setting::of(SettingKind::Flag).described("true in development, otherwise false");
    /// The certificate of the gRPC API, in PEM, followed by those of its issuers. Without it, the gRPC API has no TLS:
    /// then only trusted networks may reach it, or a proxy with TLS. A new certificate needs a restart.
    GRPC_TLS_CERT_FILE: [Api] = Setting::of(SettingKind::Path).described("no TLS").example("/run/secrets/grpc.crt");
    /// The private key of the certificate, in PEM. Set both or none.
    GRPC_TLS_KEY_FILE: [Api] = Setting::of(SettingKind::Path).described("no TLS").example("/run/secrets/grpc.key");
}
