//! A provider for development: writes messages to files instead of sending them.

mod stored_message;

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
use super::{EmailMessage, Provider, PushMessage, SendOutcome, SmsMessage, WebhookMessage};
use stored_message::StoredMessage;

/// The settings of the sandbox.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// `SANDBOX_DIR`, default `tidings-sandbox` in the system's directory for temporary files.
    pub dir: PathBuf,
    /// `SMTP_FROM`, default an address that does not exist: the sender of an e-mail whose payload names no
    /// sender.
    pub sender: Mailbox,
}

impl SandboxSettings {
    /// Reads the section. Returns `None` after a mistake, which `reader` records.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let folder = std::env::temp_dir().join("tidings-sandbox");
        let default = "Tidings <sandbox@tidings.invalid>".parse().ok()?;
        Some(Self {
            dir: reader.optional(table::SANDBOX_DIR).unwrap_or(folder),
            sender: reader.optional(table::SMTP_FROM).unwrap_or(default),
        })
    }
}

/// The file with one line for each copy of a message: `<time> <channel>/<message id>-<hash of the address>`. The time is in
/// UTC (RFC 3339), by the clock of the worker's machine.
pub const SENT_LOG: &str = "sent.log";

/// Writes each message to `<SANDBOX_DIR>/<channel>/<message id>-<hash of the address>.json`, and each e-mail
/// also in wire format to an `.eml` file. A message that is sent again overwrites its files, and adds a line to
/// `<SANDBOX_DIR>/`[`SENT_LOG`].
pub struct Sandbox {
    dir: PathBuf,
    sender: Mailbox,
}

impl Sandbox {
    /// Creates a sandbox. The first message creates its directory.
    #[must_use]
    pub fn new(settings: SandboxSettings) -> Self {
        Self {
            dir: settings.dir,
            sender: settings.sender,
        }
    }

    async fn store(&self, message_file: StoredMessage, eml: Option<Vec<u8>>) -> SendOutcome {
        let dir = self.dir.clone();
        let written =
            tokio::task::spawn_blocking(move || write(&dir, &message_file, eml.as_deref()));
        match written.await {
            Ok(Ok(path)) => SendOutcome::Delivered {
                reference: Some(path),
            },
            Ok(Err(error)) => SendOutcome::Failed {
                error: format!("the file could not be written: {error}"),
            },
            Err(error) => SendOutcome::Failed {
                error: format!("the file was not written: {error}"),
            },
        }
    }
}

/// Writes the files and returns the path of the JSON file below `dir`.
fn write(dir: &Path, message_file: &StoredMessage, eml: Option<&[u8]>) -> io::Result<String> {
    let folder = dir.join(message_file.channel());
    // The files contain addresses, so only the owner may read them.
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let name = message_file.name();
    let now = Timestamp::now();
    log_copy(
        dir,
        &format!("{now:.6} {}/{name}\n", message_file.channel()),
    )?;
    if let Some(eml) = eml {
        write_atomically(&folder, &format!("{name}.eml"), eml)?;
    }
    let json = message_file.to_json()?;
    write_atomically(&folder, &format!("{name}.json"), &json)?;
    Ok(format!("{}/{name}.json", message_file.channel()))
}

/// Adds a line for each copy, as a receiver would count them. Written first: if the worker dies now, the message may
/// have arrived.
fn log_copy(dir: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut log = options
        .append(true)
        .create(true)
        .mode(0o600)
        .open(dir.join(SENT_LOG))?;
    // One write, so that the lines of several workers do not mix.
    log.write_all(line.as_bytes())
}

/// Writes a file atomically.
fn write_atomically(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
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
        // Only the first error is reported.
        let _ = fs::remove_file(&temporary);
    }
    written
}

const NAME: &str = "sandbox";

impl Provider<EmailMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a EmailMessage) -> BoxFuture<'a, SendOutcome> {
        let send = async {
            let now = Timestamp::now();
            match Mail::compose(message, &self.sender, now) {
                Ok(mail) => {
                    let message_file = StoredMessage::from_email(message, &self.sender, now);
                    self.store(message_file, Some(mail.content)).await
                }
                Err(error) => SendOutcome::NotSent { error },
            }
        };
        send.boxed()
    }
}

impl Provider<SmsMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a SmsMessage) -> BoxFuture<'a, SendOutcome> {
        let message_file = StoredMessage::from_sms(message, Timestamp::now());
        self.store(message_file, None).boxed()
    }
}

impl Provider<PushMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a PushMessage) -> BoxFuture<'a, SendOutcome> {
        let message_file = StoredMessage::from_push(message, Timestamp::now());
        self.store(message_file, None).boxed()
    }
}

impl Provider<WebhookMessage> for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn send<'a>(&'a self, message: &'a WebhookMessage) -> BoxFuture<'a, SendOutcome> {
        let message_file = StoredMessage::from_webhook(message, Timestamp::now());
        self.store(message_file, None).boxed()
    }
}

#[cfg(test)]
mod tests;
