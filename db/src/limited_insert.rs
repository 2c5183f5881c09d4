/// The result of inserting a row of a kind that is limited per user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitedInsert<T> {
    /// The row was inserted.
    Inserted(T),
    /// The user already has the row.
    Existing(T),
    /// The user has reached the limit.
    LimitReached,
    /// The user does not exist.
    UnknownUser,
}

impl<T> LimitedInsert<T> {
    /// Converts the row.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> LimitedInsert<U> {
        match self {
            Self::Inserted(value) => LimitedInsert::Inserted(change(value)),
            Self::Existing(value) => LimitedInsert::Existing(change(value)),
            Self::LimitReached => LimitedInsert::LimitReached,
            Self::UnknownUser => LimitedInsert::UnknownUser,
        }
    }
}
