use std::str::FromStr;

/// Maximum length, in bytes. The specification asks for at least 512.
const MAX_BYTES: usize = 512;

/// Maximum number of members.
const MAX_MEMBERS: usize = 32;

/// Maximum length of a key and of a value, in bytes.
const MAX_PART: usize = 256;

/// What vendors of tracing systems have to say about a trace: the header `tracestate`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceState(Box<str>);

/// The text is no `tracestate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a tracestate of at most {MAX_MEMBERS} members and {MAX_BYTES} bytes")]
pub struct InvalidTraceState;

impl TraceState {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TraceState {
    type Err = InvalidTraceState;

    /// Takes several headers joined by commas, too. Empty members are left out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_BYTES {
            return Err(InvalidTraceState);
        }
        let members: Vec<&str> = text
            .split(',')
            .map(|member| member.trim_matches([' ', '\t']))
            .filter(|member| !member.is_empty())
            .collect();
        let mut keys: Vec<&str> = members.iter().map(|member| key(member)).collect();
        keys.sort_unstable();
        keys.dedup();
        let is_valid = !members.is_empty()
            && members.len() <= MAX_MEMBERS
            && keys.len() == members.len()
            && members.iter().all(|member| is_member(member));
        is_valid
            .then(|| Self(members.join(",").into_boxed_str()))
            .ok_or(InvalidTraceState)
    }
}

fn key(member: &str) -> &str {
    member.split_once('=').map_or(member, |(key, _)| key)
}

fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else {
        return false;
    };
    let is_key_byte = |b: u8| {
        b.is_ascii_lowercase()
            || b.is_ascii_digit()
            || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@')
    };
    let begins = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    key.len() <= MAX_PART
        && key.bytes().next().is_some_and(begins)
        && key.bytes().all(is_key_byte)
        && (1..=MAX_PART).contains(&value.len())
        && value
            .bytes()
            .all(|b| matches!(b, b' '..=b'~') && b != b',' && b != b'=')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        Some("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
    )]
    #[case(" a=1 ,, \t0b@c=2 ", Some("a=1,0b@c=2"))]
    #[case("", None)]
    #[case(",", None)]
    #[case("a", None)]
    #[case("a=", None)]
    #[case("A=1", None)]
    #[case("a=1,a=2", None)]
    #[case("a=1=2", None)]
    #[case("a=ü", None)]
    #[case("a=\n", None)]
    fn only_a_list_of_members_is_a_state(#[case] text: &str, #[case] expected: Option<&str>) {
        let read = text.parse::<TraceState>().ok();
        assert_eq!(read.as_ref().map(TraceState::as_str), expected);
    }

    #[test]
    fn a_state_has_at_most_512_bytes_and_32_members() {
        let member = |n: usize| format!("k{n:02}=v");
        let members = |count| (0..count).map(member).collect::<Vec<_>>().join(",");
        assert!(members(32).parse::<TraceState>().is_ok());
        assert!(members(33).parse::<TraceState>().is_err());
        let of_bytes =
            |bytes: usize| format!("a={},b={}", "x".repeat(256), "y".repeat(bytes - 261));
        assert!(of_bytes(512).parse::<TraceState>().is_ok());
        assert!(of_bytes(513).parse::<TraceState>().is_err());
        let long = format!("a={}", "x".repeat(257));
        assert!(long.parse::<TraceState>().is_err());
    }
}
