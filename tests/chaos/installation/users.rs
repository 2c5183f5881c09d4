use anyhow::Context;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ledger::Category;

/// The number of users that change preferences and quiet hours.
const CHOOSERS: u32 = 24;

/// The users that notifications are for.
#[derive(Clone, Debug)]
pub struct Users {
    /// A user with contacts for every channel, who changes nothing.
    pub reachable: Uuid,
    /// Users with contacts for every channel but webhooks, who change preferences and quiet hours.
    pub choosers: Vec<Uuid>,
    /// Users who read their inboxes.
    pub readers: Vec<Uuid>,
}

/// Creates the users, except the reachable one, and the categories.
pub(super) async fn create(client: &Client, readers: u32) -> anyhow::Result<Users> {
    let reachable = client.query_one("SELECT user_id FROM phone_numbers LIMIT 1", &[]);
    let reachable = reachable.await.context("the demo user")?.get(0);
    let users = Users {
        reachable,
        choosers: insert(client, "chooser", CHOOSERS).await?,
        readers: insert(client, "reader", readers).await?,
    };
    let numbers = "INSERT INTO phone_numbers (id, user_id, number)
                   SELECT gen_random_uuid(), id, '+4915100' || lpad(place::text, 5, '0')
                   FROM unnest($1::uuid[]) WITH ORDINALITY AS chooser (id, place)";
    let tokens = "INSERT INTO device_tokens (id, user_id, token)
                  SELECT gen_random_uuid(), id, 'device-' || id FROM unnest($1::uuid[]) AS chooser (id)";
    for sql in [numbers, tokens] {
        client.execute(sql, &[&users.choosers]).await?;
    }
    let names = Category::CREATED.map(Category::name);
    let sql = "INSERT INTO categories (name) SELECT * FROM unnest($1::text[])";
    client.execute(sql, &[&names.as_slice()]).await?;
    Ok(users)
}

/// Inserts users, and returns their ids.
async fn insert(client: &Client, name: &str, count: u32) -> anyhow::Result<Vec<Uuid>> {
    let sql = "INSERT INTO users (id, username, email)
               SELECT gen_random_uuid(), $1 || '-' || number, $1 || '-' || number || '@example.org'
               FROM generate_series(1, $2::bigint) AS number
               RETURNING id";
    let rows = client.query(sql, &[&name, &i64::from(count)]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
