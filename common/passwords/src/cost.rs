use tidings_settings::{Reader, table};

/// The cost of a password's hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// `ARGON2_MEMORY_KIB`.
    pub memory_kib: u32,
    /// `ARGON2_ITERATIONS`.
    pub iterations: u32,
}

impl HashCost {
    /// Reads the settings.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            memory_kib: reader.value(table::ARGON2_MEMORY_KIB),
            iterations: reader.value(table::ARGON2_ITERATIONS),
        }
    }
}
