use secrecy::SecretString;
use tidings_domain::notification::UserId;
use uuid::{Uuid, uuid};

use crate::Transaction;
use crate::error::DbError;
use crate::secret_keys::{EndpointSecret, SealError, SecretKeys};
use crate::users::{self, NewUser};
use crate::webhook_endpoints::{self, NewEndpoint};
use crate::{device_tokens, phone_numbers};

/// A number that is never assigned (Ofcom's range for drama).
const PHONE_NUMBER: &str = "+447700900123";
const DEVICE_TOKEN: &str = "demo-device";
/// A host that accepts no webhooks (RFC 2606 §3).
const WEBHOOK_URL: &str = "https://example.com/webhooks";
/// The example secret of the Standard Webhooks specification.
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const USERS: [(Uuid, &str, &str); 3] = [
    (
        uuid!("9fc81fdd-fc9c-49e3-9df1-a36df7e1ec5a"),
        "testuser",
        "testuser@example.com",
    ),
    (
        uuid!("550e8400-e29b-41d4-a716-446655440001"),
        "user1",
        "user1@example.com",
    ),
    (
        uuid!("550e8400-e29b-41d4-a716-446655440002"),
        "user2",
        "user2@example.com",
    ),
];

/// Returns the secret for a new demo endpoint.
pub(super) fn webhook_secret(keys: &SecretKeys) -> Result<EndpointSecret, SealError> {
    keys.seal(Uuid::now_v7(), &SecretString::from(WEBHOOK_SECRET))
}

/// Inserts the demo users that do not exist yet, the first one with contacts for every channel. Returns
/// the number of users inserted.
pub(super) async fn seed(
    transaction: &Transaction<'_>,
    webhook_secret: &EndpointSecret,
) -> Result<usize, DbError> {
    let mut inserted = 0;
    for (id, username, email) in USERS {
        let user = NewUser {
            id: UserId::from(id),
            username,
            email: Some(email),
        };
        if users::insert(transaction, user).await? {
            inserted += 1;
            if id == USERS[0].0 {
                insert_contacts(transaction, user.id, webhook_secret).await?;
            }
        }
    }
    Ok(inserted)
}

async fn insert_contacts(
    transaction: &Transaction<'_>,
    user: UserId,
    webhook_secret: &EndpointSecret,
) -> Result<(), DbError> {
    // These constants always parse.
    if let Ok(number) = PHONE_NUMBER.parse() {
        phone_numbers::insert(transaction, user, &number).await?;
    }
    if let Ok(token) = DEVICE_TOKEN.parse() {
        device_tokens::upsert(transaction, user, &token, Some("Demo")).await?;
    }
    if let Ok(url) = WEBHOOK_URL.parse() {
        let new = NewEndpoint {
            user,
            url: &url,
            description: Some("Demo"),
            secret: webhook_secret,
        };
        webhook_endpoints::insert(transaction, new).await?;
    }
    Ok(())
}
