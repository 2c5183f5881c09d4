use serde_json::value::RawValue;
use tidings_db::phone_numbers::MAX_PER_USER;
use tidings_domain::content::PhoneNumber;

use crate::json_body::values;

/// Reads a list of telephone numbers.
pub fn phone_numbers(value: &RawValue) -> Result<Vec<PhoneNumber>, String> {
    let wrong = || format!("must be a list of at most {MAX_PER_USER} telephone numbers");
    let list: Vec<&RawValue> = serde_json::from_str(value.get()).map_err(|_| wrong())?;
    if i64::try_from(list.len()).is_ok_and(|length| length > MAX_PER_USER) {
        return Err(wrong());
    }
    let number = |(index, value): (usize, &&RawValue)| {
        values::parsed(value).map_err(|problem| format!("number {}: {problem}", index + 1))
    };
    list.iter().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: String) -> Result<Vec<PhoneNumber>, String> {
        phone_numbers(&RawValue::from_string(json).expect("JSON"))
    }

    #[test]
    fn up_to_ten_numbers_are_read() {
        for count in [0, 1, 10] {
            let list = vec![r#""+4915112345678""#; count].join(",");
            let numbers = read(format!("[{list}]")).expect("valid");
            assert_eq!(numbers.len(), count);
        }
        let list = [r#""+4915112345678""#; 11].join(",");
        for wrong in [
            format!("[{list}]"),
            "7".into(),
            r#""+4915112345678""#.into(),
            "{}".into(),
        ] {
            let problem = read(wrong).expect_err("refused");
            assert_eq!(problem, "must be a list of at most 10 telephone numbers");
        }
    }

    #[test]
    fn a_wrong_number_is_named_by_its_place_and_not_repeated() {
        let problem = read(r#"["+4915112345678", "0151-secret"]"#.into()).expect_err("refused");
        assert!(
            problem.starts_with("number 2: must be a telephone number"),
            "{problem}"
        );
        assert!(!problem.contains("secret"), "{problem}");
    }
}
