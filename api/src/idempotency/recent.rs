use std::collections::{HashMap, VecDeque};

use tidings_domain::notification::{Fingerprint, MessageId};

/// How many notifications are remembered.
pub(super) const CAPACITY: usize = 65_536;

/// The notifications that were stored last under an idempotency key, each with the fingerprint of its request. The oldest
/// one makes room for a new one. Occupies at most 6 MiB: 131,072 places of 34 bytes in the map, and 65,536 ids of 16 bytes
/// in the queue.
#[derive(Default)]
pub(super) struct RecentRequests {
    fingerprints: HashMap<MessageId, Fingerprint>,
    /// The same ids, the oldest first.
    order: VecDeque<MessageId>,
}

impl RecentRequests {
    pub(super) fn get(&self, id: MessageId) -> Option<Fingerprint> {
        self.fingerprints.get(&id).copied()
    }

    /// Remembers a notification. One that is remembered already keeps its fingerprint: it was stored first.
    pub(super) fn insert(&mut self, id: MessageId, fingerprint: Fingerprint) {
        if self.fingerprints.contains_key(&id) {
            return;
        }
        if self.order.len() >= CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.fingerprints.remove(&oldest);
        }
        self.fingerprints.insert(id, fingerprint);
        self.order.push_back(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(byte: u8) -> Fingerprint {
        Fingerprint::from_bytes(&[byte; 17]).expect("17 bytes")
    }

    #[test]
    fn the_first_fingerprint_of_an_id_counts() {
        let (mut recent, id) = (RecentRequests::default(), MessageId::generate());
        assert_eq!(recent.get(id), None);
        recent.insert(id, fingerprint(1));
        recent.insert(id, fingerprint(2));
        assert_eq!(recent.get(id), Some(fingerprint(1)));
        assert_eq!(recent.order.len(), 1);
    }

    #[test]
    fn the_oldest_makes_room_and_the_memory_is_bounded() {
        let mut recent = RecentRequests::default();
        let ids: Vec<_> = (0..=CAPACITY).map(|_| MessageId::generate()).collect();
        for id in &ids {
            recent.insert(*id, fingerprint(1));
        }
        assert_eq!(recent.get(ids[0]), None);
        assert!(ids[1..].iter().all(|id| recent.get(*id).is_some()));
        assert_eq!(recent.order.len(), CAPACITY);
        // hashbrown has a control byte for each place, and fills seven of eight places.
        let places = (recent.fingerprints.capacity() * 8).div_ceil(7);
        let of_map = places * (size_of::<(MessageId, Fingerprint)>() + 1);
        let of_order = recent.order.capacity() * size_of::<MessageId>();
        assert!(of_map + of_order <= 6 << 20, "{of_map} and {of_order}");
    }
}
