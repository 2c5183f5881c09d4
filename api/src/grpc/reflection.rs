//! `grpc.reflection`: lets tools such as grpcurl ask for the services and their messages.

use anyhow::Context;
use tonic::service::RoutesBuilder;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::Builder;

/// Adds both versions, v1 and v1alpha, which older tools ask for.
///
/// # Errors
///
/// Fails if the descriptors of the services cannot be read.
pub fn add(routes: &mut RoutesBuilder) -> anyhow::Result<()> {
    let configure = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(tidings_proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // Each version would list only itself.
            .include_reflection_service(false)
            .register_encoded_file_descriptor_set(v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET)
    };
    let unreadable = "the descriptors of the services cannot be read";
    routes.add_service(configure().build_v1().context(unreadable)?);
    routes.add_service(configure().build_v1alpha().context(unreadable)?);
    Ok(())
}
