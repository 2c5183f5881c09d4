use super::{Problem, Problems};

/// Reads the file `.env` of the working folder, or of the nearest folder above that has one, where
/// there is one. What is set in the environment wins. For `main` alone, before any thread starts.
///
/// # Errors
///
/// Where there is one that cannot be read. The error never quotes it: it holds secrets.
pub fn load_dotenv() -> Result<(), Problems> {
    let message = match dotenvy::dotenv() {
        Ok(_) => return Ok(()),
        Err(error) if error.not_found() => return Ok(()),
        Err(dotenvy::Error::LineParse(_, position)) => {
            format!("a line cannot be read, at its character {position}: write NAME='value'")
        }
        Err(dotenvy::Error::Io(error)) => error.to_string(),
        Err(_) => "cannot be read".to_owned(),
    };
    let name = ".env";
    Err(Problems(vec![Problem { name, message }]))
}
