//! Reads a new password. Never from an argument, because every user of the machine sees the arguments of a process.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use console::Term;
use secrecy::{ExposeSecret, SecretString};
use tidings_passwords::{HashCost, NewPassword, PasswordHasher};

/// More than the longest password has, in bytes.
const MAX_BYTES: u64 = 4096;

/// The source of the password.
#[derive(Clone, Debug, clap::Args)]
pub struct PasswordSource {
    /// A file whose first line is the password; `-` for standard input. Without it, the command asks for the password, or
    /// reads the first line of standard input if that is not a terminal
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Whether a file is given.
    pub const fn is_given(&self) -> bool {
        self.password_file.is_some()
    }

    /// Reads a password, and hashes it.
    pub async fn hash(self, cost: HashCost) -> anyhow::Result<SecretString> {
        let task = tokio::task::spawn_blocking(move || {
            let text = self.read()?;
            let password: NewPassword = text
                .expose_secret()
                .parse()
                .map_err(|error| anyhow::anyhow!("nothing has changed: the password {error}"))?;
            let hasher = PasswordHasher::new(cost)?;
            anyhow::Ok(hasher.hash(&password)?)
        });
        task.await.context("the password cannot be read")?
    }

    fn read(&self) -> anyhow::Result<SecretString> {
        match self.password_file.as_deref() {
            Some(path) if path != Path::new("-") => {
                let file = File::open(path)
                    .with_context(|| format!("{} cannot be read", path.display()))?;
                first_line(file)
            }
            None if io::stdin().is_terminal() => ask(),
            _ => first_line(io::stdin()),
        }
    }
}

/// Asks twice, because the terminal does not show the password.
fn ask() -> anyhow::Result<SecretString> {
    let terminal = Term::stderr();
    let read = |prompt| -> io::Result<SecretString> {
        terminal.write_str(prompt)?;
        Ok(terminal.read_secure_line()?.into())
    };
    let (first, again) = (read("New password: ")?, read("The same again: ")?);
    if first.expose_secret() != again.expose_secret() {
        bail!("nothing has changed: these were two different passwords");
    }
    Ok(first)
}

fn first_line(source: impl Read) -> anyhow::Result<SecretString> {
    let mut line = String::new();
    BufReader::new(source.take(MAX_BYTES))
        .read_line(&mut line)
        .context("the password cannot be read")?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    Ok(password.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_without_its_end() {
        for (text, expected) in [
            ("secret\n", "secret"),
            ("secret\r\nmore\n", "secret"),
            (" blanks count ", " blanks count "),
            ("", ""),
        ] {
            let read = first_line(text.as_bytes()).expect("read");
            assert_eq!(read.expose_secret(), expected);
        }
        assert!(first_line(&b"\xff\n"[..]).is_err());
    }
}
