//! `tidings users inbox`.

use anyhow::bail;
use serde_json::{Value, json};
use tidings_db::inbox::{self, InboxFilter, InboxRow, InboxState};
use tidings_db::notifications::PayloadReader;
use tidings_domain::category::CategoryName;

use super::{database, show};
use crate::output::{CommandOutput, Text, count, printable, table};
use crate::paging::{Listed, read_pages};

/// Arguments of `inbox`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id, the e-mail address or the name of the user
    #[arg(value_name = "USER")]
    user: String,
    /// Which notifications: unread, read (and not archived), archived or all
    #[arg(long, default_value = "unread")]
    state: InboxState,
    /// Only notifications of this category
    #[arg(long, value_name = "NAME")]
    category: Option<CategoryName>,
    /// The maximum number of notifications
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
}

/// Shows the in-app notifications of a user, the newest first, without those that have expired.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let database = database()?;
    let Some(user) = show::find(&database, &args.user).await? else {
        bail!("there is no user {}", printable(&args.user));
    };
    let filter = InboxFilter {
        user: user.id,
        state: args.state,
        category: args.category.map(|name| name.to_string()),
    };
    let read = async |after, rows| -> anyhow::Result<_> {
        let page = inbox::list(&database, &filter, Option::as_ref(&after), rows).await?;
        let Some(page) = page else {
            bail!("the database was replaced meanwhile: repeat the command");
        };
        Ok((page.rows, page.next))
    };
    let listed = read_pages(args.limit, read).await?;
    let items: Vec<_> = listed.rows.iter().map(item).collect::<Result<_, _>>()?;
    let shown: Vec<Value> = items.iter().map(|item| item.json.clone()).collect();
    CommandOutput::new(
        text(&listed, &items),
        json!({ "userId": user.id, "items": shown, "more": listed.has_more }),
    )
}

/// What is shown of a notification.
struct Item {
    json: Value,
    /// `None` if the payload is not shown.
    title: Option<String>,
}

fn item(row: &InboxRow) -> anyhow::Result<Item> {
    let InboxRow {
        notification,
        read_at,
        archived_at,
    } = row;
    // An operator does not see what is sensitive.
    let payload = notification.payload_for(PayloadReader::Other);
    let payload: Option<Value> = payload.map(serde_json::from_str).transpose()?;
    let title = payload.as_ref().map(|payload| {
        let title = payload["title"].as_str();
        title.map_or_else(|| payload.to_string(), ToOwned::to_owned)
    });
    let json = json!({
        "messageId": notification.message_id,
        "category": notification.category,
        "payload": payload,
        "payloadHidden": payload.is_none(),
        "createdAt": notification.created_at,
        "readAt": read_at,
        "archivedAt": archived_at,
    });
    Ok(Item { json, title })
}

fn text(listed: &Listed<InboxRow>, items: &[Item]) -> Text {
    if items.is_empty() {
        return "No such notifications in the inbox.\n".to_owned().into();
    }
    let head = ["ACCEPTED", "MESSAGE ID", "STATE", "TITLE"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(listed.rows.iter().zip(items).map(|(row, item)| {
        vec![
            format!("{:.0}", row.notification.created_at),
            row.notification.message_id.to_string(),
            state(row).as_str().to_owned(),
            printable(item.title.as_deref().unwrap_or("(sensitive: not shown)")),
        ]
    }));
    let mut text = Text::from(table(&cells));
    let shown = count(items.len(), "notification");
    text.line(format_args!("\n{shown}{}.", listed.rest()));
    text
}

const fn state(row: &InboxRow) -> InboxState {
    match (row.archived_at, row.read_at) {
        (Some(_), _) => InboxState::Archived,
        (None, Some(_)) => InboxState::Read,
        (None, None) => InboxState::Unread,
    }
}
