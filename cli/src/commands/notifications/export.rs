//! `tidings notifications export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use csv::{Terminator, Writer, WriterBuilder};
use serde_json::json;
use tidings_db::audit::{self, Action};
use tidings_db::notifications::{self, ListedNotification};
use tidings_db::{Database, TransactionOptions};

use super::filter::FilterArgs;
use crate::operator::operator;
use crate::output::CommandOutput;

/// Notifications in one query.
const PAGE: u32 = 500;

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// RFC 4180
    Csv,
    /// One JSON object a line
    Ndjson,
}

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// How the file is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// The file, which must not exist
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Writes the file part by part.
pub async fn run(database: &Database, args: Args) -> anyhow::Result<CommandOutput> {
    let filter = args.filter.filter();
    let file = File::create_new(&args.output)
        .with_context(|| format!("cannot create {}", args.output.display()))?;
    let origin = operator();
    let shown = format!("{:?}", args.filter);
    let recording = database.transaction(TransactionOptions::default(), async |transaction| {
        let entry = origin.entry(Action::NotificationExport);
        audit::record(transaction, &entry.with("filter", shown.as_str())).await
    });
    recording.await.context("cannot write the audit log")?;
    let mut lines = Lines::new(args.format, file)?;
    let (mut count, mut after) = (0, None);
    loop {
        let reading = database.run(async |client| {
            notifications::search_without_contents(client, &filter, after, PAGE).await
        });
        let page = reading.await.context("the file is not complete")?;
        count += page.rows.len();
        for row in &page.rows {
            lines.add(row).context("the file is not complete")?;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    lines.end().context("the file is not complete")?;
    let text = format!("{count} notifications in {}\n", args.output.display());
    CommandOutput::new(text, json!({"notifications": count}))
}

/// A file that is being written.
enum Lines {
    Csv(Box<Writer<File>>),
    Ndjson(BufWriter<File>),
}

impl Lines {
    fn new(format: Format, file: File) -> anyhow::Result<Self> {
        Ok(match format {
            Format::Csv => {
                let mut writer = WriterBuilder::new()
                    .terminator(Terminator::CRLF)
                    .from_writer(file);
                writer.write_record(ListedNotification::COLUMNS)?;
                Self::Csv(Box::new(writer))
            }
            Format::Ndjson => Self::Ndjson(BufWriter::new(file)),
        })
    }

    fn add(&mut self, row: &ListedNotification) -> anyhow::Result<()> {
        match self {
            Self::Csv(writer) => writer.write_record(row.cells())?,
            Self::Ndjson(file) => {
                serde_json::to_writer(&mut *file, row)?;
                file.write_all(b"\n")?;
            }
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        match self {
            Self::Csv(writer) => writer.flush(),
            Self::Ndjson(file) => file.flush(),
        }
    }
}
