use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tidings_egress::{EgressPolicy, Reach, Refusal};

/// Finds a name's addresses. There is one in the programs; tests bring names of their own.
pub trait Lookup: Send + Sync {
    /// Every address that `name` has.
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Asks the machine's own resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn addresses(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// The resolver that connections are made by. It hands on the addresses that the policy allows and
/// drops the others, and what it hands on is what is connected to: no second lookup lies between, whose
/// answer could be another.
pub(super) struct GuardedResolver {
    pub(super) policy: Arc<EgressPolicy>,
    pub(super) reach: Reach,
    pub(super) lookup: Arc<dyn Lookup>,
}

impl Resolve for GuardedResolver {
    /// Fails with [`Refusal`] where the name has addresses and none is allowed.
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.lookup.addresses(name.as_str());
        let (policy, reach) = (Arc::clone(&self.policy), self.reach);
        Box::pin(async move {
            let found = found.await?;
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound).into());
            }
            let allowed = found
                .into_iter()
                .filter(|address| policy.allows(reach, *address));
            // Port 0 stands for the URL's own.
            let allowed: Vec<_> = allowed.map(|address| SocketAddr::new(address, 0)).collect();
            if allowed.is_empty() {
                return Err(Refusal::InternalAddress.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
