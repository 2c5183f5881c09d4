use tidings_db::users::TakenFields;

use crate::error::{ApiError, ErrorDetail};

/// The 409 response: `username_taken` or `email_taken`. If other users have both, `details` names both.
pub fn taken(fields: TakenFields) -> ApiError {
    let (code, message) = match fields {
        TakenFields {
            username: true,
            email: true,
        } => (
            "username_taken",
            "Other users have this name and this e-mail address",
        ),
        TakenFields {
            username: false, ..
        } => ("email_taken", "Another user has this e-mail address"),
        TakenFields { .. } => ("username_taken", "Another user has this name"),
    };
    let detail = |is_taken, field| {
        let taken = ErrorDetail::new(field, "belongs to another user");
        Some(taken).filter(|_| is_taken)
    };
    let details = [
        detail(fields.username, "username"),
        detail(fields.email, "email"),
    ];
    ApiError {
        details: details.into_iter().flatten().collect(),
        ..ApiError::conflict(code, message)
    }
}

/// The 410 response: the id belonged to a user who was deleted, and is never used again.
pub fn user_erased() -> ApiError {
    ApiError::gone("user_erased", "The user with this id was deleted")
}

/// The 403 response: the user is an operator or an admin, and the caller is not an admin.
pub fn user_has_role() -> ApiError {
    ApiError {
        code: "user_has_role",
        ..ApiError::forbidden(
            "The user has a role: only the scope admin allows changing the contacts of such a user, or deleting it",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_and_the_details_name_what_is_taken() {
        for (username, email, code, fields) in [
            (true, false, "username_taken", &["username"][..]),
            (false, true, "email_taken", &["email"]),
            (true, true, "username_taken", &["username", "email"]),
        ] {
            let error = taken(TakenFields { username, email });
            assert_eq!((error.status.as_u16(), error.code), (409, code));
            let named: Vec<_> = error
                .details
                .iter()
                .map(|detail| detail.field.as_str())
                .collect();
            assert_eq!(named, fields);
        }
    }
}
