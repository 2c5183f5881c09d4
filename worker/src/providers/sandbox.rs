//! The provider that sends nothing: what would be sent is a file that one can look at.

mod record;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tidings_domain::content::Mailbox;
use tidings_settings::{Reader, table};
use uuid::Uuid;

use super::smtp::message::Mail;
use super::{EmailMessage, Provider, PushMessage, Report, TextMessage, WebhookMessage};
use record::Record;

/// Where the sandbox keeps what it gets.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// `SANDBOX_DIR`, default `tidings-sandbox` in the system's folder for temporary files.
    pub dir: PathBuf,
    /// `SMTP_FROM`, default an address that does not exist: whom e-mail is from where the payload does
    /// not say so.
    pub sender: Mailbox,
}

impl SandboxSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let folder = std::env::temp_dir().join("tidings-sandbox");
        let nobody = "Tidings <sandbox@tidings.invalid>".parse().ok()?;
        Some(Self {
            dir: reader.optional(table::SANDBOX_DIR).unwrap_or(folder),
            sender: reader.optional(table::SMTP_FROM).unwrap_or(nobody),
        })
    }
}

/// Writes each message to `<SANDBOX_DIR>/<channel>/<message id>-<hash of the address>.json`, an e-mail
/// beside it as it would go over the wire, with the ending `.eml`. A message that comes again overwrites
/// what was there.
pub struct Sandbox {
    dir: PathBuf,
    sender: Mailbox,
}

impl Sandbox {
    /// Makes no folder before there is something to keep.
    #[must_use]
    pub fn new(settings: SandboxSettings) -> Self {
        Self {
            dir: settings.dir,
            sender: settings.sender,
        }
    }

    async fn keep(&self, record: Record, eml: Option<Vec<u8>>) -> Report {
        let dir = self.dir.clone();
        let written = tokio::task::spawn_blocking(move || write(&dir, &record, eml.as_deref()));
        match written.await {
            Ok(Ok(path)) => Report::Delivered {
                reference: Some(path),
            },
            Ok(Err(error)) => Report::Failed {
                error: format!("the file could not be written: {error}"),
            },
            Err(error) => Report::Failed {
                error: format!("the file was not written: {error}"),
            },
        }
    }
}

/// Writes the files and returns the record's path below `dir`.
fn write(dir: &Path, record: &Record, eml: Option<&[u8]>) -> io::Result<String> {
    let folder = dir.join(record.channel());
    // They hold people's addresses: nobody else's business.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let name = record.name();
    if let Some(eml) = eml {
        write_at_once(&folder, &format!("{name}.eml"), eml)?;
    }
    let json = record.to_json()?;
    write_at_once(&folder, &format!("{name}.json"), &json)?;
    Ok(format!("{}/{name}.json", record.channel()))
}

/// Writes a file that is either there as a whole or not at all.
fn write_at_once(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.{}", Uuid::new_v4().simple()));
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)?;
    let written = file
        .write_all(content)
        .and_then(|()| fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        // The error that counts is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}

const NAME: &str = "sandbox";

impl Provider<EmailMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a EmailMessage) -> BoxFuture<'a, Report> {
        let send = async {
            let now = Timestamp::now();
            match Mail::compose(message, &self.sender, now) {
                Ok(mail) => {
                    let record = Record::of_email(message, &self.sender, now);
                    self.keep(record, Some(mail.content)).await
                }
                Err(error) => Report::Rejected { error },
            }
        };
        send.boxed()
    }
}

impl Provider<TextMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a TextMessage) -> BoxFuture<'a, Report> {
        let record = Record::of_text(message, Timestamp::now());
        self.keep(record, None).boxed()
    }
}

impl Provider<PushMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a PushMessage) -> BoxFuture<'a, Report> {
        let record = Record::of_push(message, Timestamp::now());
        self.keep(record, None).boxed()
    }
}

impl Provider<WebhookMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a WebhookMessage) -> BoxFuture<'a, Report> {
        let record = Record::of_webhook(message, Timestamp::now());
        self.keep(record, None).boxed()
    }
}

#[cfg(test)]
mod tests;
