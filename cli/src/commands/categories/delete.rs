//! `tidings categories delete`.

use anyhow::bail;
use serde_json::json;
use tidings_db::categories::{self, DeleteResult};
use tidings_db::{Database, TransactionOptions};
use tidings_domain::category::CategoryName;

use crate::operator::operator;
use crate::output::CommandOutput;

/// Deletes a category.
pub async fn run(database: &Database, name: CategoryName) -> anyhow::Result<CommandOutput> {
    let origin = operator();
    let deleted = database
        .transaction(TransactionOptions::default(), async |transaction| {
            categories::delete(transaction, &name, &origin).await
        })
        .await?;
    match deleted {
        DeleteResult::Deleted => {
            let json = json!({ "deleted": name.as_str() });
            CommandOutput::new(format!("Deleted the category {name}.\n"), json)
        }
        DeleteResult::BuiltIn => bail!("the category {name} is built in: it cannot be deleted"),
        DeleteResult::NotFound => bail!("there is no category {name}"),
    }
}
