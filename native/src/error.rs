//! Says why something failed, in words for a person and a kind for a program.

use std::fmt;
use std::path::Path;

/// What a caller can do about an error. The numbers are the program's exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Something of ours went wrong.
    Failed = 1,
    /// The request contradicts itself or names what does not exist.
    Usage = 2,
    /// The raster cannot be used: unreadable, wrong bands, no overlap.
    Input = 3,
    /// The model, the checkpoint or ONNX Runtime cannot be used.
    Model = 4,
    /// Disk or memory ran out or failed; worth a retry.
    Io = 5,
    /// The caller asked to stop.
    Cancelled = 130,
}

impl Kind {
    /// Returns the word that `--json` carries as the error's code.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Failed => "failed",
            Kind::Usage => "usage",
            Kind::Input => "input",
            Kind::Model => "model",
            Kind::Io => "io",
            Kind::Cancelled => "cancelled",
        }
    }
}

/// Why a call failed: what was given, what was needed, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of the given kind; the message is a full sentence without a final stop.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Makes a [`Kind::Failed`] error.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// Makes a [`Kind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// Makes a [`Kind::Input`] error.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }

    /// Makes a [`Kind::Model`] error.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(Kind::Model, message)
    }

    /// Makes a [`Kind::Io`] error.
    pub fn io(message: impl Into<String>) -> Self {
        Self::new(Kind::Io, message)
    }

    /// Makes the [`Kind::Cancelled`] error.
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "cancelled; no output was written")
    }

    /// Names the file that an operating system error was about.
    pub fn file(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::io(format!("cannot {doing} '{}': {error}", path.display()))
    }

    /// Returns what a caller can do about it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Puts a place before the words, as in `'scene.tif': ...`.
    #[must_use]
    pub fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
