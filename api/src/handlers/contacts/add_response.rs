use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use serde::Serialize;
use tidings_db::LimitedInsert;
use uuid::Uuid;

use super::owner::Owner;
use crate::error::ApiError;

/// A contact of which a user may have a limited number.
pub trait Contact: Serialize {
    /// The last segment of the collection's path.
    const COLLECTION: &str;

    /// The maximum number for one user.
    const MAX: i64;

    /// The id.
    fn id(&self) -> Uuid;
}

/// The response to a request that adds a contact: 201, or 200 if the user had the contact already.
///
/// # Errors
///
/// Returns 404 if the user does not exist, and 409 if the user has the maximum number of contacts.
pub fn add_response<T: Contact>(
    owner: Owner,
    added: LimitedInsert<T>,
) -> Result<HttpResponse, ApiError> {
    match added {
        LimitedInsert::Inserted(contact) => {
            let location = format!("{}/{}", owner.path(T::COLLECTION), contact.id());
            Ok(HttpResponse::Created()
                .insert_header((LOCATION, location))
                .json(contact))
        }
        LimitedInsert::Existing(contact) => Ok(HttpResponse::Ok().json(contact)),
        LimitedInsert::LimitReached => Err(ApiError::conflict(
            "too_many_contacts",
            format!("A user may have {} {} at most", T::MAX, T::COLLECTION),
        )),
        LimitedInsert::UnknownUser => Err(Owner::not_found()),
    }
}
