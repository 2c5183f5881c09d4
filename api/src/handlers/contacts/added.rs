use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use serde::Serialize;
use tidings_db::LimitedInsert;
use uuid::Uuid;

use super::owner::Owner;
use crate::error::ApiError;

/// Something of which a user may have so many.
pub trait Contact: Serialize {
    /// The last part of the path of all.
    const KIND: &str;

    /// How many a user may have.
    const MOST: i64;

    /// Names it.
    fn id(&self) -> Uuid;
}

/// The answer to a request that adds a contact: 201, or 200 where the user had it already.
///
/// # Errors
///
/// 404 where there is no such user, 409 where they have as many as they may have.
pub fn answer<T: Contact>(owner: Owner, added: LimitedInsert<T>) -> Result<HttpResponse, ApiError> {
    match added {
        LimitedInsert::Inserted(contact) => {
            let location = format!("{}/{}", owner.path(T::KIND), contact.id());
            Ok(HttpResponse::Created()
                .insert_header((LOCATION, location))
                .json(contact))
        }
        LimitedInsert::Existing(contact) => Ok(HttpResponse::Ok().json(contact)),
        LimitedInsert::LimitReached => Err(ApiError::conflict(
            "too_many_contacts",
            format!("A user may have {} {} at most", T::MOST, T::KIND),
        )),
        LimitedInsert::UnknownUser => Err(Owner::not_found()),
    }
}
