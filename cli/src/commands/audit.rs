//! `tidings audit`.

use jiff::Timestamp;
use serde_json::{Value, json};
use tidings_db::audit::{self, Action, AuditFilter, AuditRow};
use tidings_db::{Database, DatabaseSettings};
use tidings_domain::time::parse_instant;

use crate::output::{CommandOutput, Text, printable, table};
use crate::paging::{Listed, read_pages};
use crate::settings;

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only entries about this action, such as template.put
    #[arg(long)]
    action: Option<Action>,
    /// Only entries about actions of this subject of a token, or this user of the operating system
    #[arg(long, value_name = "SUBJECT")]
    actor: Option<String>,
    /// Only entries about changes of this, by its id
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// Only entries at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Timestamp>,
    /// Only entries before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Timestamp>,
    /// The maximum number of entries
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

fn instant(text: &str) -> Result<Timestamp, String> {
    parse_instant(text).map_err(|error| error.to_string())
}

/// Lists entries of the audit log, the newest first.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let settings = settings::read(DatabaseSettings::read)?;
    let database = Database::new(&settings, "tidings audit")?;
    let filter = AuditFilter {
        action: args.action,
        actor: args.actor,
        target: args.target,
        from: args.from,
        to: args.to,
    };
    let read = async |after, rows| {
        let page = database.run(async |client| audit::list(client, &filter, after, rows).await);
        page.await
    };
    let listed = read_pages(args.limit, read).await?;
    let entries: Vec<Value> = listed.rows.iter().map(json_of).collect();
    CommandOutput::new(
        text(&listed),
        json!({ "entries": entries, "more": listed.has_more }),
    )
}

/// An entry, as the API returns it.
fn json_of(row: &AuditRow) -> Value {
    let target = row.target_kind.as_ref().zip(row.target_id.as_ref());
    json!({
        "id": row.id,
        "at": row.at,
        "actor": { "kind": row.actor_kind, "id": row.actor_id },
        "action": row.action,
        "target": target.map(|(kind, id)| json!({ "kind": kind, "id": id })),
        "outcome": row.outcome,
        "requestId": row.request_id,
        "ip": row.ip,
        "userAgent": row.user_agent,
        "details": row.details,
    })
}

fn text(listed: &Listed<AuditRow>) -> Text {
    if listed.rows.is_empty() {
        return "No entries.\n".to_owned().into();
    }
    let head = ["AT", "ACTOR", "ACTION", "TARGET", "OUTCOME", "DETAILS"];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(listed.rows.iter().map(|row| {
        vec![
            format!("{:.0}", row.at),
            printable(&format!("{}:{}", row.actor_kind, row.actor_id)),
            printable(&row.action),
            printable(row.target_id.as_deref().unwrap_or("-")),
            printable(&row.outcome),
            printable(&row.details.to_string()),
        ]
    }));
    let mut text = Text::from(table(&cells));
    let shown = match listed.rows.len() {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    };
    let rest = listed.rest();
    text.line(format_args!("\n{shown}{rest}."));
    text
}
