use crate::{Reader, Setting, table};

/// Reads `METRICS_PORT`, which must differ from the `other` port of the program. Returns `None` if it is not set, and after a
/// mistake.
pub fn read_metrics_port(reader: &mut Reader, other: &Setting) -> Option<u16> {
    let port: u16 = reader.optional(table::METRICS_PORT)?;
    // 0 is any free port.
    if port != 0 && port == reader.value::<u16>(other) {
        let message = format!(
            "{port}: is the port of {}; leave METRICS_PORT out to serve both on one port",
            other.name
        );
        reader.problem(table::METRICS_PORT, message);
        return None;
    }
    Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> (Option<u16>, usize) {
        let vars = vars.iter();
        let vars = vars.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut reader = Reader::from_vars(vars);
        let port = read_metrics_port(&mut reader, table::API_PORT);
        let problems = reader.finish(Some(())).err();
        (port, problems.map_or(0, |problems| problems.0.len()))
    }

    #[test]
    fn the_port_of_the_metrics_is_another_one() {
        assert_eq!(read(&[]), (None, 0));
        assert_eq!(read(&[("METRICS_PORT", "9000")]), (Some(9000), 0));
        assert_eq!(read(&[("METRICS_PORT", "8080")]), (None, 1));
        let any = [("METRICS_PORT", "0"), ("API_PORT", "0")];
        assert_eq!(read(&any), (Some(0), 0));
    }
}
