//! `tidings users import`.

mod file;
mod line;
mod report;
mod store;

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::Context;
use indicatif::ProgressBar;
use tidings_db::Database;
use tokio_util::sync::CancellationToken;

use self::file::{Format, UserFile};
use self::line::UserLine;
use self::report::ImportReport;
use super::{database, wait_for_claims};
use crate::output::CommandOutput;
use crate::progress;

/// The most users in one statement.
const BATCH: usize = 1000;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file, which ends with .csv, .ndjson or .jsonl
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The format, if the name of the file does not say it
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Leave out the lines before this one, to go on where an import was stopped
    #[arg(long, value_name = "LINE", default_value_t = 1)]
    from_line: u64,
    /// Only check the lines; users are not compared with those in the database
    #[arg(long)]
    dry_run: bool,
}

/// Imports users.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let mut file = UserFile::open(&args.file, args.format)?;
    let database = if args.dry_run {
        None
    } else {
        Some(database()?)
    };
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let mut import = Import {
        database,
        batch: Vec::with_capacity(BATCH),
        ids: HashSet::new(),
        report: ImportReport::new(args.from_line),
        progress: progress::bytes(file.size()),
    };
    let imported = import.run(&mut file, args.from_line, &stop).await;
    import.progress.finish_and_clear();
    imported.with_context(|| {
        format!(
            "stopped: {}; run the command again, or go on with --from-line {}",
            import.report.counts(),
            import.report.next_line()
        )
    })?;
    import.report.output(stop.is_cancelled())
}

/// Stops the import after the batch that is under way.
async fn stop_on_signal(stop: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.cancel();
    }
}

struct Import {
    /// `None` in a dry run.
    database: Option<Database>,
    batch: Vec<UserLine>,
    /// The ids in the batch: a statement can write each row once.
    ids: HashSet<tidings_domain::notification::UserId>,
    report: ImportReport,
    progress: ProgressBar,
}

impl Import {
    async fn run(
        &mut self,
        file: &mut UserFile,
        from_line: u64,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        while !stop.is_cancelled()
            && let Some((number, line)) = file.next()?
        {
            if number < from_line {
                continue;
            }
            match line {
                Err(problems) => {
                    for problem in problems {
                        let report = &mut self.report;
                        let add = || report.problem(number, &problem.field, &problem.message);
                        self.progress.suspend(add);
                    }
                    self.report.failed += 1;
                }
                Ok(line) => {
                    if self.ids.contains(&line.id) || self.batch.len() == BATCH {
                        self.store().await?;
                    }
                    self.ids.insert(line.id);
                    self.batch.push(line);
                }
            }
            self.progress.set_position(file.position());
        }
        self.store().await
    }

    /// Stores the batch, all or nothing.
    async fn store(&mut self) -> anyhow::Result<()> {
        let Some(last) = self.batch.last() else {
            return Ok(());
        };
        let last = last.number;
        if let Some(database) = &self.database {
            let stored = store::store(database, &self.batch).await?;
            let users: Vec<_> = self.ids.iter().copied().collect();
            wait_for_claims(database, &users).await?;
            self.report.created += stored.created;
            for (number, field, problem) in stored.problems {
                let report = &mut self.report;
                self.progress
                    .suspend(|| report.problem(number, field, problem));
            }
            self.report.failed += stored.failed;
        }
        let count = u64::try_from(self.batch.len()).unwrap_or(u64::MAX);
        self.report.read += count;
        self.report.stored_until(last);
        self.batch.clear();
        self.ids.clear();
        Ok(())
    }
}
