//! A process that stays and does the same thing each time it is told to.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use spectralgpt_core::error::{Error, Kind, Result};

/// A resident process: it said who computes, and answers each line with one.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) name: String,
    /// What it said when it was ready.
    pub(crate) about: Value,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Runner {
    /// Starts a command and waits until it is ready.
    ///
    /// # Errors
    /// - Model: it cannot be started, or ends; its own words are on standard error.
    pub(crate) fn start(name: &str, mut command: Command) -> Result<Self> {
        let wrong = |error| Error::model(format!("'{name}' cannot be started: {error}"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(wrong)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::failed("a process has no pipes; please report this"));
        };
        let output = BufReader::new(output);
        let mut runner =
            Self { name: name.to_owned(), about: Value::Null, child, input: Some(input), output };
        runner.about = runner.line()?;
        Ok(runner)
    }

    /// Has the thing done once; returns what it says of that.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub(crate) fn turn(&mut self) -> Result<Value> {
        let told = self.input.as_mut().map(|input| input.write_all(b"\n"));
        match told {
            Some(Ok(())) => self.line(),
            _ => Err(self.ended()),
        }
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(length) if length > 0 => serde_json::from_str(&line)
                .map_err(|error| Error::model(format!("'{}' says {line:?}: {error}", self.name))),
            _ => Err(self.ended()),
        }
    }

    fn ended(&mut self) -> Error {
        let code = self.child.wait().ok().and_then(|status| status.code());
        let kind = [Kind::Usage, Kind::Input, Kind::Model, Kind::Io]
            .into_iter()
            .find(|kind| code == Some(*kind as i32));
        let words = format!("'{}' ended; it said why above", self.name);
        Error::new(kind.unwrap_or(Kind::Model), words)
    }
}

impl Drop for Runner {
    /// Lets it end by itself: its input ends.
    fn drop(&mut self) {
        self.input.take();
        // Whatever it still says, nobody listens.
        let _ = self.child.wait();
    }
}

/// Makes the command that serves some work here.
///
/// # Errors
/// - Io: this program's own file is gone.
pub(crate) fn serve(work: &str) -> Result<Command> {
    let program = std::env::current_exe()
        .map_err(|error| Error::io(format!("this program cannot find its own file: {error}")))?;
    let mut command = Command::new(program);
    command.args(["serve", work]).env("SPECTRALGPT_LOG", "warn");
    Ok(command)
}
