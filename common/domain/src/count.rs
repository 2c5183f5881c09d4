/// `1 dead letter`, `2 dead letters`.
#[must_use]
pub fn count(n: usize, singular: &str) -> String {
    let ending = match singular {
        _ if n == 1 => "",
        _ if singular.ends_with('s') => "es",
        _ => "s",
    };
    format!("{n} {singular}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        for (n, singular, expected) in [
            (0, "error", "0 errors"),
            (1, "error", "1 error"),
            (2, "address", "2 addresses"),
        ] {
            assert_eq!(count(n, singular), expected);
        }
    }
}
