use std::fmt;

/// Most transactions in progress that a snapshot names. With more, it stands for the state before all of them.
const MAX_IN_PROGRESS: usize = 256;

/// Which transactions a statement has seen (PostgreSQL manual, "Transaction ID and Snapshot Information Functions"): all
/// below `xmin`, and of those below `xmax` all that are not in progress. Its text form is always valid for PostgreSQL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Snapshot {
    xmin: u64,
    xmax: u64,
    /// Ascending, at least `xmin` and below `xmax`.
    in_progress: Vec<u64>,
}

impl Snapshot {
    /// Reads the text form of PostgreSQL: `xmin:xmax:xip,xip`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (xmin, xmax) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let list = parts.next()?;
        let in_progress = if list.is_empty() {
            Vec::new()
        } else {
            let ids = list.split(',').map(|id| id.parse().ok());
            ids.collect::<Option<Vec<u64>>>()?
        };
        Self::new(xmin, xmax, in_progress).filter(|_| parts.next().is_none())
    }

    /// `None` unless the numbers are those of a snapshot.
    fn new(xmin: u64, xmax: u64, in_progress: Vec<u64>) -> Option<Self> {
        // PostgreSQL reads signed numbers in some places.
        let is_valid = 0 < xmin
            && xmin <= xmax
            && i64::try_from(xmax).is_ok()
            && in_progress.iter().all(|id| (xmin..xmax).contains(id))
            && in_progress.is_sorted_by(|one, next| one < next);
        is_valid.then_some(Self {
            xmin,
            xmax,
            in_progress,
        })
    }

    /// The snapshot that has seen no transaction.
    pub(crate) const fn nothing() -> Self {
        Self {
            xmin: 1,
            xmax: 1,
            in_progress: Vec::new(),
        }
    }

    /// Appends a short form. A snapshot that names too many transactions is replaced by one that has seen less: its reader
    /// gets something twice, and misses nothing.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        let (xmax, in_progress) = if self.in_progress.len() > MAX_IN_PROGRESS {
            (self.xmin, &[][..])
        } else {
            (self.xmax, self.in_progress.as_slice())
        };
        push_number(bytes, self.xmin);
        push_number(bytes, xmax - self.xmin);
        let mut before = self.xmin;
        for id in in_progress {
            push_number(bytes, id - before);
            before = *id;
        }
    }

    /// Reads what [`Snapshot::encode`] has written; `None` if it is anything else.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let xmin = take_number(&mut bytes)?;
        let xmax = xmin.checked_add(take_number(&mut bytes)?)?;
        let (mut in_progress, mut before) = (Vec::new(), xmin);
        while !bytes.is_empty() {
            before = before.checked_add(take_number(&mut bytes)?)?;
            in_progress.push(before);
            if in_progress.len() > MAX_IN_PROGRESS {
                return None;
            }
        }
        Self::new(xmin, xmax, in_progress)
    }
}

/// The text form of PostgreSQL.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (nth, id) in self.in_progress.iter().enumerate() {
            if nth > 0 {
                f.write_str(",")?;
            }
            write!(f, "{id}")?;
        }
        Ok(())
    }
}

/// Appends a number in groups of 7 bits, the lowest first (LEB128).
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or(0));
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let group = u64::from(first & 0x7f);
        let shifted = group << shift;
        if shifted >> shift != group {
            return None;
        }
        number |= shifted;
        if first & 0x80 == 0 {
            // One number has one form.
            return (*first != 0 || shift == 0).then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_of_postgresql_is_read() {
        for text in [
            "1:1:",
            "747:747:",
            "10:20:10,14,19",
            "3:9223372036854775807:",
        ] {
            let snapshot = Snapshot::parse(text).expect(text);
            assert_eq!(snapshot.to_string(), text);
        }
        for text in [
            "",
            "1",
            "1:2",
            "0:1:",
            "2:1:",
            "1:2:2",
            "10:20:9",
            "10:20:14,14",
            "10:20:14,13",
            "10:20:14,",
            "10:20:14:",
            "1:9223372036854775808:",
            "a:b:",
        ] {
            assert_eq!(Snapshot::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_snapshot_with_too_many_transactions_claims_to_have_seen_less() {
        let ids: Vec<u64> = (100..100 + 2 * MAX_IN_PROGRESS as u64).step_by(2).collect();
        let full = Snapshot::new(100, 1000, ids.clone()).expect("valid");
        assert_eq!(decoded(&full), Some(full));
        let one_more = [ids, vec![990]].concat();
        let too_many = Snapshot::new(100, 1000, one_more).expect("valid");
        assert_eq!(decoded(&too_many), Snapshot::new(100, 100, Vec::new()));
    }

    fn decoded(snapshot: &Snapshot) -> Option<Snapshot> {
        let mut bytes = Vec::new();
        snapshot.encode(&mut bytes);
        Snapshot::decode(&bytes)
    }

    proptest! {
        #[test]
        fn a_snapshot_survives_its_short_form(xmin in 1u64..1 << 40, ids in proptest::collection::btree_set(0u64..5000, 0..50)) {
            let in_progress: Vec<u64> = ids.iter().map(|id| xmin + id).collect();
            let snapshot = Snapshot::new(xmin, xmin + 5000, in_progress).expect("valid");
            prop_assert_eq!(decoded(&snapshot), Some(snapshot));
        }

        #[test]
        fn other_bytes_are_refused_or_are_the_form_of_a_snapshot(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(snapshot) = Snapshot::decode(&bytes) {
                let mut again = Vec::new();
                snapshot.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
