//! The messages, clients and servers of the gRPC API, generated from the `.proto` files of this folder.

/// The package `tidings.v1`.
#[expect(clippy::pedantic, reason = "generated")]
pub mod tidings_v1 {
    tonic::include_proto!("tidings.v1");
}

/// The package `user`, of an older user service.
#[expect(clippy::pedantic, reason = "generated")]
pub mod user {
    tonic::include_proto!("user");
}

/// All files with everything that they import, as an encoded `google.protobuf.FileDescriptorSet`, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

#[cfg(test)]
mod lint;
