/// What came of adding something of which a user may have only so many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added<T> {
    /// It was added.
    New(T),
    /// The user had it already.
    Existing(T),
    /// The user has as many as a user may have.
    TooMany,
    /// There is no such user.
    NoSuchUser,
}

impl<T> Added<T> {
    /// The same of something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Added<U> {
        match self {
            Self::New(added) => Added::New(change(added)),
            Self::Existing(had) => Added::Existing(change(had)),
            Self::TooMany => Added::TooMany,
            Self::NoSuchUser => Added::NoSuchUser,
        }
    }
}
