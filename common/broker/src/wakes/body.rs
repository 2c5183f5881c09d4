use tidings_domain::notification::UserId;
use uuid::Uuid;

/// Size of an id, in bytes.
const ID: usize = 16;

/// Maximum size of a body, in bytes.
const MAX_BODY: usize = 4096;

/// The most users in a message.
pub(super) const MAX_USERS: usize = MAX_BODY / ID;

/// The ids of users, one after the other.
pub(super) fn encode(users: &[UserId]) -> Vec<u8> {
    let ids = users.iter().map(|user| user.as_uuid().into_bytes());
    ids.flatten().collect()
}

/// Reads what [`encode`] has written. A body that is anything else contains nobody.
pub(super) fn decode(body: &[u8]) -> Vec<UserId> {
    if body.len() > MAX_BODY || !body.len().is_multiple_of(ID) {
        return Vec::new();
    }
    let ids = body
        .chunks_exact(ID)
        .filter_map(|id| Uuid::from_slice(id).ok());
    ids.map(UserId::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_up_to_256_users() {
        let users: Vec<UserId> = (0..MAX_USERS).map(|_| Uuid::now_v7().into()).collect();
        let body = encode(&users);
        assert_eq!((body.len(), MAX_USERS), (MAX_BODY, 256));
        assert_eq!(decode(&body), users);
        assert!(decode(&[]).is_empty());
        assert!(decode(&body[1..]).is_empty(), "half an id");
        assert!(
            decode(&[body, vec![0; ID]].concat()).is_empty(),
            "too large"
        );
    }
}
