//! Names of internal networks.

/// Domains of internal networks: RFC 6761 §6.3 (`localhost`), RFC 6762 §3 and appendix G, RFC 8375, and the usual
/// search domains of resolvers. They include the metadata services of clouds (`metadata.google.internal`).
const INTERNAL: [&str; 10] = [
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
];

/// Whether `host`, in lower case, is a name of an internal network. Resolvers append their search list to names with a
/// single label. A dot at the end is a second notation of the same name, and is refused too.
pub(super) fn is_internal(host: &str) -> bool {
    let within = |domain: &&str| {
        host.strip_suffix(*domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !host.contains('.') || host.ends_with('.') || INTERNAL.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_names_are_distinguished_from_public_ones() {
        for internal in [
            "localhost",
            "localhost.",
            "a.localhost",
            "localhost.localdomain",
            "printer.local",
            "metadata.google.internal",
            "metadata",
            "intranet",
            "nas.lan",
            "router.home.arpa",
            "hooks.corp",
            "example.com.",
            "",
        ] {
            assert!(is_internal(internal), "{internal}");
        }
        for public in [
            "example.com",
            "localhost.example.com",
            "notlocalhost.com",
            "my-local.example",
            "thelocal.se",
            "home.example.com",
            "xn--exmple-cua.com",
        ] {
            assert!(!is_internal(public), "{public}");
        }
    }
}
