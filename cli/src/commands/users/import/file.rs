//! Reads a file of users line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail};
use csv::StringRecord;
use serde_json::{Map, Value};
use tidings_domain::content::{FieldProblem, ProblemKind};

use super::line::{FIELDS, PHONE_NUMBERS, UserLine};

/// The longest line, in bytes. A longer one ends the import: it would be kept in memory.
const MAX_LINE: u64 = 65_536;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Comma-separated values (RFC 4180), with the names of the fields in the first line.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// A line of a file: its number, and the user or everything that is wrong.
pub type ReadLine = (u64, Result<UserLine, Vec<FieldProblem>>);

/// A file of users.
pub struct UserFile {
    lines: Lines,
    size: u64,
}

enum Lines {
    Csv {
        reader: csv::Reader<ShortLines<File>>,
        header: Vec<&'static str>,
        record: StringRecord,
    },
    Ndjson {
        reader: BufReader<ShortLines<File>>,
        number: u64,
        position: u64,
        line: Vec<u8>,
    },
}

impl UserFile {
    /// Opens a file. Reads the names of the fields of a CSV file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or its format or a field is not known.
    pub fn open(path: &Path, format: Option<Format>) -> anyhow::Result<Self> {
        let Some(format) = format.or_else(|| Format::of(path)) else {
            bail!(
                "the name of the file does not say its format: use --format csv or --format ndjson"
            );
        };
        let named = || format!("cannot read {}", path.display());
        let file = File::open(path).with_context(named)?;
        let size = file.metadata().with_context(named)?.len();
        let file = ShortLines { file, length: 0 };
        let lines = match format {
            Format::Csv => {
                let mut reader = csv::ReaderBuilder::new()
                    .trim(csv::Trim::All)
                    .from_reader(file);
                let header = header(reader.headers().with_context(named)?)?;
                Lines::Csv {
                    reader,
                    header,
                    record: StringRecord::new(),
                }
            }
            Format::Ndjson => Lines::Ndjson {
                reader: BufReader::new(file),
                number: 0,
                position: 0,
                line: Vec::new(),
            },
        };
        Ok(Self { lines, size })
    }

    /// The size of the file, in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes have been read.
    pub fn position(&self) -> u64 {
        match &self.lines {
            Lines::Csv { reader, .. } => reader.position().byte(),
            Lines::Ndjson { position, .. } => *position,
        }
    }

    /// Returns the next line that is not empty, or `None` at the end.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read any further.
    pub fn next(&mut self) -> anyhow::Result<Option<ReadLine>> {
        match &mut self.lines {
            Lines::Csv {
                reader,
                header,
                record,
            } => {
                let number = reader.position().line();
                match reader.read_record(record) {
                    Ok(false) => Ok(None),
                    Ok(true) => {
                        let number = record.position().map_or(number, csv::Position::line);
                        let json = object(header, record).to_string();
                        Ok(Some((number, UserLine::parse(number, json.as_bytes()))))
                    }
                    // The next record can be read.
                    Err(error) if !error.is_io_error() => {
                        Ok(Some((number, Err(vec![unreadable(&error)]))))
                    }
                    Err(error) => Err(error).with_context(|| format!("line {number}")),
                }
            }
            Lines::Ndjson {
                reader,
                number,
                position,
                line,
            } => loop {
                line.clear();
                *number += 1;
                let read = reader
                    .read_until(b'\n', line)
                    .with_context(|| format!("line {number}"))?;
                if read == 0 {
                    return Ok(None);
                }
                *position += u64::try_from(read).unwrap_or(0);
                let text = line
                    .strip_prefix(b"\xef\xbb\xbf")
                    .unwrap_or(line)
                    .trim_ascii();
                if !text.is_empty() {
                    return Ok(Some((*number, UserLine::parse(*number, text))));
                }
            },
        }
    }
}

fn header(names: &StringRecord) -> anyhow::Result<Vec<&'static str>> {
    let mut header: Vec<&'static str> = Vec::with_capacity(names.len());
    for name in names {
        let Some(field) = FIELDS.into_iter().find(|field| *field == name) else {
            bail!(
                "line 1: {:?} is not a field of a user: the fields are {}",
                crate::output::printable(name),
                FIELDS.join(", ")
            );
        };
        if header.contains(&field) {
            bail!("line 1: {field} is given more than once");
        }
        header.push(field);
    }
    for required in ["id", "username"] {
        if !header.contains(&required) {
            bail!("line 1: {required} is required");
        }
    }
    Ok(header)
}

fn unreadable(error: &csv::Error) -> FieldProblem {
    FieldProblem {
        field: "line".to_owned(),
        message: error.to_string(),
        kind: ProblemKind::Invalid,
    }
}

/// The JSON object of a record. An empty field is absent.
fn object(header: &[&'static str], record: &StringRecord) -> Value {
    let pairs = header.iter().zip(record);
    let given = pairs.filter(|(_, text)| !text.is_empty());
    let members = given.map(|(name, text)| {
        let value = if *name == PHONE_NUMBERS {
            text.split_whitespace().collect()
        } else {
            Value::from(text)
        };
        ((*name).to_owned(), value)
    });
    Value::Object(members.collect::<Map<_, _>>())
}

/// Fails at a line that is too long, before it is in memory.
struct ShortLines<R> {
    file: R,
    /// The length of the line so far.
    length: u64,
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        for line in buffer[..count].split_inclusive(|byte| *byte == b'\n') {
            self.length += u64::try_from(line.len()).unwrap_or(u64::MAX);
            if self.length > MAX_LINE {
                let message = format!("a line is longer than {MAX_LINE} bytes");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            if line.ends_with(b"\n") {
                self.length = 0;
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv_header(text: &str) -> Result<Vec<&'static str>, String> {
        let names = StringRecord::from(text.split(',').collect::<Vec<_>>());
        header(&names).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_line_of_a_csv_file_names_the_fields() {
        assert_eq!(csv_header("username,id"), Ok(vec!["username", "id"]));
        for (text, problem) in [
            ("id,username,name", "\"name\" is not a field"),
            ("id,username,id", "id is given more than once"),
            ("id,email", "username is required"),
        ] {
            let error = csv_header(text).expect_err(text);
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn a_long_line_ends_the_reading_before_it_is_in_memory() {
        let lines = |length: usize| {
            let text = [vec![b'a'; length], vec![b'\n'], vec![b'b'; length]].concat();
            let mut read = Vec::new();
            ShortLines {
                file: &text[..],
                length: 0,
            }
            .read_to_end(&mut read)
        };
        assert!(lines(65_535).is_ok());
        assert!(lines(65_537).is_err());
    }
}
