use tidings_domain::content::Mailbox;
use tidings_settings::{Reader, table};

/// Reads `SMTP_FROM`: the sender of an e-mail whose payload names no sender, for every provider. Returns
/// `None` if the setting is missing or is not an address.
pub fn read_default_sender(reader: &mut Reader) -> Option<Mailbox> {
    reader.required(table::SMTP_FROM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sender_is_required_and_must_be_an_address() {
        let read = |value: &str| {
            let mut reader = Reader::from_vars([("SMTP_FROM".to_owned(), value.to_owned())]);
            let sender = read_default_sender(&mut reader);
            reader.finish(sender)
        };
        let sender = read("Tidings <tidings@example.com>").expect("an address");
        assert_eq!(sender.name.as_deref(), Some("Tidings"));
        for wrong in ["", "tidings", "a@example.com, b@example.com"] {
            let problems = read(wrong).expect_err(wrong);
            assert_eq!(problems.0.len(), 1, "{problems}");
            assert_eq!(problems.0[0].name, "SMTP_FROM");
        }
    }
}
