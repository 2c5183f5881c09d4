//! What the receivers of the delivered channels have got: the files and the log of the sandbox.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use tidings_worker::providers::sandbox::SENT_LOG;
use uuid::Uuid;

/// The receivers' ledger.
#[derive(Debug, Default)]
pub struct Receivers {
    /// Message ids that arrived completely.
    pub delivered: HashSet<Uuid>,
    /// How often each message arrived at one of its addresses: the largest number of any address.
    pub copies: HashMap<Uuid, u32>,
    /// When the copies of each message were sent, by the machine's clock.
    pub arrivals: HashMap<Uuid, Vec<Timestamp>>,
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
        receivers.count(log.lines().map(|line| Ok(line?)))?;
        Ok(receivers)
    }

    /// Returns when the copies of a message were sent.
    pub fn arrivals(&self, id: Uuid) -> &[Timestamp] {
        self.arrivals.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Counts the copies in the lines of the sandbox's log.
    fn count(&mut self, lines: impl Iterator<Item = anyhow::Result<String>>) -> anyhow::Result<()> {
        let mut by_address: HashMap<String, u32> = HashMap::new();
        for line in lines {
            let line = line?;
            let (time, file) = line.split_once(' ').context("a line without a time")?;
            let (_, name) = file.split_once('/').context("a line without a channel")?;
            let id = id_of_name(name)?;
            self.arrivals.entry(id).or_default().push(time.parse()?);
            let copies = by_address.entry(file.to_owned()).or_default();
            *copies += 1;
            let most = self.copies.entry(id).or_default();
            *most = (*most).max(*copies);
        }
        Ok(())
    }
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
        let files = [
            format!("push/{one}-0000000a"),
            format!("push/{one}-0000000b"),
            format!("sms/{other}-0000000c"),
            format!("push/{one}-0000000a"),
        ];
        let time = |second: usize| format!("2027-01-15T08:00:0{second}.000000Z");
        let lines = files.iter().enumerate();
        let lines = lines.map(|(second, file)| Ok(format!("{} {file}", time(second))));
        let mut receivers = Receivers::default();
        receivers.count(lines).expect("lines");
        assert_eq!(receivers.copies, [(one, 2), (other, 1)].into());
        let times = [0, 1, 3].map(|second| time(second).parse::<Timestamp>().expect("a time"));
        assert_eq!(receivers.arrivals(one), times);
        assert_eq!(receivers.arrivals(Uuid::nil()), []);
        for wrong in [
            "sms".to_owned(),
            files[0].clone(),
            format!("{} sms", time(0)),
        ] {
            assert!(receivers.count([Ok(wrong)].into_iter()).is_err());
        }
    }
}
