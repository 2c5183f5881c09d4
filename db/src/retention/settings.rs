use std::time::Duration;

use tidings_settings::{Reader, table};

const DAY: Duration = Duration::from_hours(24);

/// How long what is kept. `None` means for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetentionSettings {
    /// `RETENTION_PAYLOAD_DAYS`: payloads of notifications that have ended, except failed ones.
    pub payloads: Duration,
    /// `RETENTION_ROW_DAYS`: rows of notifications that have ended.
    pub rows: Option<Duration>,
    /// `RETENTION_DEAD_LETTER_DAYS`: dead letters, and payloads of failed notifications.
    pub dead_letters: Option<Duration>,
    /// `SENSITIVE_REPLAY_HOURS`: payloads of failed sensitive notifications.
    pub sensitive: Duration,
}

impl RetentionSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let days = |days: u32| (days > 0).then(|| DAY * days);
        Self {
            payloads: DAY * reader.value::<u32>(table::RETENTION_PAYLOAD_DAYS),
            rows: days(reader.value(table::RETENTION_ROW_DAYS)),
            dead_letters: days(reader.value(table::RETENTION_DEAD_LETTER_DAYS)),
            sensitive: Duration::from_hours(reader.value(table::SENSITIVE_REPLAY_HOURS)),
        }
    }

    /// How long failed rows are kept: at least as long as their dead letters, which would refer to nothing.
    pub(super) fn failed_rows(&self) -> Option<Duration> {
        Some(self.rows?.max(self.dead_letters?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> RetentionSettings {
        let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        RetentionSettings::read(&mut Reader::from_vars(vars))
    }

    #[test]
    fn zero_means_for_ever() {
        let usual = read(&[]);
        assert_eq!(usual.payloads, DAY * 90);
        assert_eq!(usual.failed_rows(), Some(DAY * 400));
        let all = [
            ("RETENTION_ROW_DAYS", "0"),
            ("RETENTION_DEAD_LETTER_DAYS", "0"),
        ];
        let kept = read(&all);
        assert_eq!((kept.rows, kept.dead_letters), (None, None));
        assert_eq!(read(&all[1..]).failed_rows(), None);
        assert_eq!(read(&all[1..]).rows, Some(DAY * 400));
    }

    #[test]
    fn a_failed_row_is_kept_as_long_as_its_dead_letter() {
        let kept = read(&[
            ("RETENTION_ROW_DAYS", "7"),
            ("RETENTION_DEAD_LETTER_DAYS", "30"),
        ]);
        assert_eq!(kept.failed_rows(), Some(DAY * 30));
    }
}
