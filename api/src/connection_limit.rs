//! How many connections of clients the API may have.

use anyhow::ensure;

/// The number of connections without `MAX_CONNECTIONS`, if the limit of open files allows so many. Each takes about
/// 20 KiB.
const DEFAULT: usize = 10_000;

/// Open files that no client may take: connections to the broker, polls, the listener, name lookups, logs.
const RESERVE: usize = 64;

/// The fewest connections with which the API starts.
const MIN: usize = 16;

/// The number of gRPC connections, if the limit of open files allows so many. Each may have up to 100 calls.
const DEFAULT_GRPC: usize = 1000;

/// Computes the maximum number of gRPC connections: at most an eighth of the open files.
pub fn max_grpc_connections(open_files: Option<usize>) -> usize {
    DEFAULT_GRPC.min(open_files.map_or(usize::MAX, |files| files / 8))
}

/// Computes the maximum number of connections from `MAX_CONNECTIONS`, the limit of open files, and the files that
/// have another use: those of the connection pool and of gRPC connections.
///
/// # Errors
///
/// Fails if the limit of open files does not allow `configured` or [`MIN`] connections.
pub fn max_connections(
    configured: Option<usize>,
    open_files: Option<usize>,
    other_files: usize,
) -> anyhow::Result<usize> {
    let reserve = RESERVE + other_files;
    let allowed = open_files.map_or(usize::MAX, |files| files.saturating_sub(reserve));
    let wanted = configured.unwrap_or(MIN);
    ensure!(
        wanted <= allowed,
        "{wanted} connections (MAX_CONNECTIONS) and {reserve} other files need more than the limit of {} open files: \
         raise the hard limit (`ulimit -Hn`, LimitNOFILE, or `ulimits` of the container)",
        open_files.unwrap_or(usize::MAX),
    );
    Ok(configured.unwrap_or(DEFAULT.min(allowed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_a_reserve_of_the_open_files() {
        assert_eq!(max_connections(None, Some(1024), 8).expect("enough"), 952);
        assert_eq!(
            max_connections(None, Some(1 << 20), 8).expect("enough"),
            DEFAULT
        );
        assert_eq!(max_connections(None, None, 8).expect("enough"), DEFAULT);
        assert_eq!(
            max_connections(Some(952), Some(1024), 8).expect("enough"),
            952
        );
        let error = max_connections(Some(953), Some(1024), 8).expect_err("one too many");
        assert!(error.to_string().contains("MAX_CONNECTIONS"), "{error}");
        assert!(max_connections(None, Some(80), 8).is_err());
        assert_eq!(max_grpc_connections(Some(1024)), 128);
        assert_eq!(max_grpc_connections(None), DEFAULT_GRPC);
    }
}
