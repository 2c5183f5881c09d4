//! What the receivers of the delivered channels have got: the files and the log of the sandbox.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use tidings_worker::providers::sandbox::SENT_LOG;
use uuid::Uuid;

/// The receivers' ledger.
#[derive(Debug, Default)]
pub struct Receivers {
    /// Message ids that arrived completely.
    pub delivered: HashSet<Uuid>,
    /// How often each message arrived at one of its addresses: the largest number of any address.
    pub copies: HashMap<Uuid, u32>,
}

impl Receivers {
    /// Reads the sandbox in `folder`, which does not exist before the first delivery.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut receivers = Self::default();
        let Ok(entries) = fs::read_dir(folder) else {
            return Ok(receivers);
        };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                for file in fs::read_dir(path)? {
                    // The name of an incomplete file begins with a dot.
                    if let Some(Ok(id)) = file?.file_name().to_str().map(id_of_name) {
                        receivers.delivered.insert(id);
                    }
                }
            }
        }
        let log = BufReader::new(File::open(folder.join(SENT_LOG))?);
        receivers.copies = count_copies(log.lines().map(|line| Ok(line?)))?;
        Ok(receivers)
    }
}

fn count_copies(
    lines: impl Iterator<Item = anyhow::Result<String>>,
) -> anyhow::Result<HashMap<Uuid, u32>> {
    let mut by_address: HashMap<String, u32> = HashMap::new();
    for line in lines {
        *by_address.entry(line?).or_default() += 1;
    }
    let mut copies: HashMap<Uuid, u32> = HashMap::new();
    for (line, count) in by_address {
        let (_, name) = line.split_once('/').context("a line without a channel")?;
        let most = copies.entry(id_of_name(name)?).or_default();
        *most = count.max(*most);
    }
    Ok(copies)
}

/// Parses the message id at the start of the name of a sandbox file.
fn id_of_name(name: &str) -> anyhow::Result<Uuid> {
    let id = name.get(..36).context("the name is too short")?;
    Ok(id.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_id_is_read_from_a_sandbox_file_name() {
        let name = "01a1fc0f-8107-7763-99ca-73f63a645574-1b2c3d4e.json";
        let id = id_of_name(name).expect("an id");
        assert_eq!(id.to_string(), "01a1fc0f-8107-7763-99ca-73f63a645574");
        assert!(id_of_name(".tmp").is_err());
    }

    #[test]
    fn copies_are_counted_by_address() {
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let lines = [
            format!("push/{one}-0000000a"),
            format!("push/{one}-0000000b"),
            format!("sms/{other}-0000000c"),
            format!("push/{one}-0000000a"),
        ];
        let copies = count_copies(lines.into_iter().map(Ok)).expect("lines");
        assert_eq!(copies, [(one, 2), (other, 1)].into());
        assert!(count_copies([Ok("sms".to_owned())].into_iter()).is_err());
    }
}
