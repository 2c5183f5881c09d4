//! Queries of `tidings doctor` about the server.

use jiff::Timestamp;

use crate::GenericClient;
use crate::error::DbError;

/// PostgreSQL's version and clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// For people, for example `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// For comparison: the major version times 10,000 plus the minor version.
    pub version_number: i32,
    /// The server's clock, to the microsecond.
    pub now: Timestamp,
}

/// Returns the server's version and current time.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn server_info(client: &impl GenericClient) -> Result<ServerInfo, DbError> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version'),
                    current_setting('server_version_num')::integer,
                    clock_timestamp()",
            &[],
        )
        .await?;
    Ok(ServerInfo {
        version: row.get(0),
        version_number: row.get(1),
        now: row.get(2),
    })
}
