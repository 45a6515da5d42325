//! Everything that a store holds, as lines of JSON: the way from one engine to another.
//!
//! The first line names the format's version and the position, each further one is a row under its table's name, and the
//! last one says how many rows there were, so that a file that was cut off is noticed. Rows are the same whatever engine
//! they come from, and come in the same order.
//!
//! What an engine keeps only to find things faster, or can work out from the rest, does not travel.

use super::StoreError;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

/// The version of the format that is written, and the last one that is read.
const VERSION: u64 = 1;

/// Why a database could not be moved. None of it was written then.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The file can not be read or written.
    #[error("the file {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's own error.
        #[source]
        source: io::Error,
    },
    /// There is no such thing in the format.
    #[error("line {number} of the file makes no sense here")]
    Line {
        /// Counted from 1.
        number: u64,
    },
    /// Written by a later version.
    #[error("the file has format {found}, and this version knows up to {VERSION}: install a newer Trunkline")]
    Newer {
        /// In the file.
        found: u64,
    },
    /// The file ends before its end, or what read it did.
    #[error("the file is not whole")]
    Truncated,
    /// There are accounts already.
    #[error("the database is not empty")]
    NotEmpty,
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Something on its way.
#[derive(Debug)]
pub enum Item {
    /// The beginning: the position of the last commit.
    Head(u64),
    /// A row of a table, by the number of the table.
    Row(usize, Map<String, Value>),
    /// The end, and how many rows there were.
    End(u64),
}

/// How a column's values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number.
    Number,
    /// A string.
    Text,
    /// A string of two hexadecimal digits a byte.
    Bytes,
    /// `true` or `false`.
    Flag,
    /// A string as UUIDs are written.
    Uuid,
}

/// A table, with what travels of it.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Name and kind of each column.
    pub(super) columns: &'static [(&'static str, Kind)],
    /// The columns that order the rows.
    pub(super) order: &'static [&'static str],
}

/// All tables, in an order in which none refers to a later one.
pub(super) const TABLES: &[Table] = {
    use Kind::{Bytes, Flag, Number, Text, Uuid};
    &[
        Table {
            name: "users",
            columns: &[
                ("id", Number),
                ("name", Text),
                ("display_name", Text),
                ("folded", Text),
                ("password", Text),
                ("admin", Flag),
                ("disabled", Flag),
                ("created", Number),
                ("last_seen", Number),
                ("renamed", Number),
            ],
            order: &["id"],
        },
        Table {
            name: "conversations",
            columns: &[
                ("id", Number),
                ("kind", Text),
                ("name", Text),
                ("owner", Number),
                ("created", Number),
                ("head", Number),
                ("members_at", Number),
                ("last_message", Number),
                ("messages", Number),
                ("changed", Number),
                ("touched", Number),
            ],
            order: &["id"],
        },
        Table {
            name: "direct_pairs",
            columns: &[("low", Number), ("high", Number), ("conversation", Number)],
            order: &["low", "high"],
        },
        Table {
            name: "members",
            columns: &[
                ("conversation", Number),
                ("user", Number),
                ("since", Number),
                ("delivered", Number),
                ("read", Number),
                ("own", Number),
                ("counted", Number),
                ("moved", Number),
                ("left", Number),
            ],
            order: &["conversation", "user"],
        },
        Table {
            name: "changes",
            columns: &[
                ("conversation", Number),
                ("seq", Number),
                ("position", Number),
                ("at", Number),
                ("author", Number),
                ("key", Uuid),
                ("text", Text),
                ("event", Text),
            ],
            order: &["conversation", "seq"],
        },
        Table {
            name: "sessions",
            columns: &[
                ("id", Uuid),
                ("user", Number),
                ("token", Bytes),
                ("device", Text),
                ("created", Number),
                ("last_used", Number),
                ("expires", Number),
                ("ended", Number),
            ],
            order: &["id"],
        },
        Table {
            name: "tokens",
            columns: &[
                ("id", Number),
                ("user", Number),
                ("token", Bytes),
                ("label", Text),
                ("created", Number),
                ("last_used", Number),
                ("ended", Number),
            ],
            order: &["id"],
        },
        Table {
            name: "invites",
            columns: &[("invite", Bytes), ("author", Number), ("uses", Number), ("expires", Number)],
            order: &["invite"],
        },
    ]
};

/// Bytes as two hexadecimal digits each.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The other way; `None` for what is no such text.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(byte).collect())?
}

/// Writes what comes into a new file, which gets its name when all of it is on the disk. Gives the number of rows.
///
/// # Errors
/// [`TransferError::File`], and [`TransferError::Truncated`] if the end does not come.
pub async fn write_file(path: &Path, items: mpsc::Receiver<Item>) -> Result<u64, TransferError> {
    let path = path.to_owned();
    let failed = {
        let path = path.clone();
        move |source| TransferError::File { path, source }
    };
    match spawn_blocking(move || whole_file(&path, |file| write(file, items))).await {
        Ok(Ok(Some(rows))) => Ok(rows),
        Ok(Ok(None)) => Err(TransferError::Truncated),
        Ok(Err(source)) => Err(failed(source)),
        Err(error) => Err(failed(error.into())),
    }
}

/// Makes a file that is there whole or not at all, and is nobody else's to read. What `make` has no result for is removed.
pub(super) fn whole_file<T>(
    path: &Path,
    make: impl FnOnce(&mut File) -> io::Result<Option<T>>,
) -> io::Result<Option<T>> {
    if path.exists() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "exists already"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let made = private_file(&part).and_then(|mut file| {
        let made = make(&mut file)?;
        file.sync_all()?;
        Ok(made)
    });
    match made {
        Ok(Some(made)) => {
            std::fs::rename(&part, path)?;
            File::open(folder)?.sync_all()?;
            Ok(Some(made))
        }
        failed => {
            let _unremoved = std::fs::remove_file(&part);
            failed
        }
    }
}

/// A new file that only its owner may read: it will hold what people wrote, and hashes of their passwords.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write(file: &mut File, mut items: mpsc::Receiver<Item>) -> io::Result<Option<u64>> {
    let mut out = BufWriter::new(file);
    while let Some(item) = items.blocking_recv() {
        let (line, end) = match item {
            Item::Head(position) => (json!({ "trunkline_export": VERSION, "position": position }), None),
            Item::Row(table, row) => {
                let mut line = Map::new();
                line.insert(TABLES[table].name.to_owned(), Value::Object(row));
                (Value::Object(line), None)
            }
            Item::End(rows) => (json!({ "end": rows }), Some(rows)),
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
        if end.is_some() {
            out.flush()?;
            return Ok(end);
        }
    }
    Ok(None)
}

/// Reads a file that was written so, and hands its items on.
///
/// # Errors
/// As [`TransferError`] says. What was handed on until then has no end.
pub async fn read_file(path: &Path, items: mpsc::Sender<Item>) -> Result<(), TransferError> {
    let path = path.to_owned();
    let failed = {
        let path = path.clone();
        move |source| TransferError::File { path, source }
    };
    match spawn_blocking(move || read(&path, &items)).await {
        Ok(read) => read,
        Err(error) => Err(failed(error.into())),
    }
}

fn read(path: &Path, items: &mpsc::Sender<Item>) -> Result<(), TransferError> {
    let failed = |source| TransferError::File { path: path.to_owned(), source };
    let lines = BufReader::new(File::open(path).map_err(failed)?).lines();
    let mut rows = 0;
    for (number, line) in (1..).zip(lines) {
        let wrong = || TransferError::Line { number };
        let line: Map<String, Value> = serde_json::from_str(&line.map_err(failed)?).map_err(|_| wrong())?;
        if let Some(found) = line.get("trunkline_export").and_then(Value::as_u64).filter(|found| *found > VERSION) {
            return Err(TransferError::Newer { found });
        }
        let item = parse(line, number == 1).ok_or_else(wrong)?;
        match item {
            Item::Head(_) if number == 1 => {}
            Item::Row(..) if number > 1 => rows += 1,
            Item::End(count) if count == rows && number > 1 => {
                let _gone = items.blocking_send(item);
                return Ok(());
            }
            _ => return Err(wrong()),
        }
        // Who takes them has given up, and says why.
        if items.blocking_send(item).is_err() {
            return Ok(());
        }
    }
    Err(TransferError::Truncated)
}

fn parse(line: Map<String, Value>, first: bool) -> Option<Item> {
    if first {
        line.get("trunkline_export")?;
        return line.get("position")?.as_u64().map(Item::Head);
    }
    let (name, value) = line.into_iter().next()?;
    if name == "end" {
        return value.as_u64().map(Item::End);
    }
    let table = TABLES.iter().position(|table| table.name == name)?;
    let Value::Object(row) = value else { return None };
    let known = row.keys().all(|column| TABLES[table].columns.iter().any(|(name, _)| name == column));
    known.then_some(Item::Row(table, row))
}
