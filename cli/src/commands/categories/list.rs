//! `tidings categories list`.

use serde_json::{Value, json};
use tidings_db::{Database, categories};

use super::{json_of, text_of};
use crate::output::CommandOutput;

/// Lists all categories, by name.
pub async fn run(database: &Database) -> anyhow::Result<CommandOutput> {
    let rows = database
        .run(async |client| categories::list(client).await)
        .await?;
    let shown: Vec<Value> = rows.iter().map(json_of).collect();
    CommandOutput::new(text_of(&rows), json!({ "categories": shown }))
}
