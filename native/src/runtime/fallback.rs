//! Counts the nodes that a provider left to the CPU, from a profile of the first run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::OnceLock;

use ort::session::Session;
use serde::Deserialize;

use super::environment::guard;
use crate::error::{Error, Result};

/// A profile under way: ONNX Runtime writes it, we read it and throw it away.
#[derive(Debug)]
pub(super) struct Profile(tempfile::TempDir);

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    cat: String,
    name: String,
    #[serde(default)]
    args: Arguments,
}

#[derive(Deserialize, Default)]
struct Arguments {
    #[serde(default)]
    provider: String,
}

impl Profile {
    /// Makes room for a profile.
    ///
    /// # Errors
    /// - Io: no temporary folder.
    pub(super) fn start() -> Result<Self> {
        let folder = tempfile::tempdir();
        folder.map(Self).map_err(|e| Error::io(format!("no temporary folder can be made: {e}")))
    }

    /// Returns what ONNX Runtime is to begin the file's name with.
    pub(super) fn prefix(&self) -> PathBuf {
        self.0.path().join("run")
    }

    /// Ends the profile and counts; leaves `nodes` unknown if there is nothing to count from.
    pub(super) fn finish(self, session: &mut Session, nodes: &OnceLock<u32>) {
        let counted = guard(|| Ok(session.end_profiling()?)).ok();
        let text = counted.and_then(|file| std::fs::read_to_string(file).ok());
        if let Some(count) = text.and_then(|text| on_the_cpu(&text)) {
            nodes.get_or_init(|| count);
        }
    }
}

/// Counts the nodes of a profile that the CPU provider ran; `None` if no node is in it.
fn on_the_cpu(profile: &str) -> Option<u32> {
    let events: Vec<Event> = serde_json::from_str(profile).ok()?;
    let is_node = |event: &&Event| event.cat == "Node" && !event.args.provider.is_empty();
    let nodes: HashSet<_> =
        events.iter().filter(is_node).map(|event| (&event.name, &event.args.provider)).collect();
    let count = nodes.iter().filter(|(_, provider)| *provider == "CPUExecutionProvider").count();
    if nodes.is_empty() { None } else { u32::try_from(count).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_counts_once_and_only_on_the_cpu() {
        let node = |name: &str, provider: &str| {
            format!(r#"{{"cat":"Node","name":"{name}","args":{{"provider":"{provider}"}}}}"#)
        };
        let (cpu, other) = ("CPUExecutionProvider", "OpenVINOExecutionProvider");
        let events = [node("a", cpu), node("b", other), node("a", cpu), node("c", cpu)].join(",");
        let session = r#"{"cat":"Session","name":"model_run","args":{}}"#;
        assert_eq!(on_the_cpu(&format!("[{session},{events}]")), Some(2));
        assert_eq!(on_the_cpu(&format!("[{}]", node("b", other))), Some(0));
        assert_eq!(on_the_cpu(&format!("[{session}]")), None);
        assert_eq!(on_the_cpu("{"), None);
    }
}
