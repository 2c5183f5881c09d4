use tidings_broker::Failure;
use tidings_requests::InvalidObject;

/// Collects what is wrong with an event, for its dead letter.
#[derive(Debug, Default)]
pub(super) struct Rejection {
    codes: Vec<&'static str>,
    problems: Vec<String>,
}

impl Rejection {
    /// Adds a problem of a field.
    pub(super) fn field(&mut self, code: &'static str, field: &str, message: &str) {
        self.add(code, format!("{field} {message}"));
    }

    /// Adds everything that is wrong with an object.
    pub(super) fn object(&mut self, error: InvalidObject) {
        let code = error.code();
        if let InvalidObject::Fields(problems) = error {
            for problem in problems {
                self.field(code, &problem.field, &problem.message);
            }
        } else {
            self.add(code, error.to_string());
        }
    }

    /// Fails if there is any problem. The reason is the code of the problems, or `invalid_request` if they have several. The
    /// detail names all problems. It may quote the event, so it is not logged.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let reason = match self.codes[..] {
            [] => return Ok(()),
            [code] => code,
            _ => "invalid_request",
        };
        Err(Failure::quoting(reason, self.problems.join("; ")))
    }

    fn add(&mut self, code: &'static str, problem: String) {
        if !self.codes.contains(&code) {
            self.codes.push(code);
        }
        self.problems.push(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_code_of_all_problems_and_the_detail_names_each() {
        let mut rejection = Rejection::default();
        assert_eq!(Rejection::default().finish(), Ok(()));
        rejection.field("invalid_fields", "payload.to", "must be a URL");
        rejection.field("invalid_fields", "payload.event", "must not be empty");
        let failure = rejection.finish().expect_err("two problems");
        assert_eq!(failure.reason, "invalid_fields");
        let detail = "payload.to must be a URL; payload.event must not be empty";
        assert_eq!(failure.detail, detail);
        let mut rejection = Rejection::default();
        rejection.field("channel_not_configured", "type", "needs a setting");
        rejection.object(InvalidObject::NotAnObject(
            "The body is not JSON".to_owned(),
        ));
        let failure = rejection.finish().expect_err("two problems");
        assert_eq!(failure.reason, "invalid_request");
        assert_eq!(failure.detail, "type needs a setting; The body is not JSON");
    }
}
