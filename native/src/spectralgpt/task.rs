//! Tells a network's task from the names of its tensors and from its number of classes.

use crate::checkpoint::Weights;
use crate::error::{Error, Result};
use crate::model::manifest::Task;

/// Returns the task that was chosen, or the first of those that the tensors are good for.
///
/// # Errors
/// - Model: the tensors are of no known network.
/// - Usage: they are not good for the task that was chosen.
pub(super) fn task(weights: &dyn Weights, chosen: Option<Task>) -> Result<Task> {
    let has = |name| weights.shape(name).is_some();
    let classes = weights.shape("cls_seg.0.weight").and_then(<[usize]>::first);
    let (found, tasks): (_, &[Task]) = if has("mask_token") || has("decoder_pred.weight") {
        ("a masked autoencoder", &[Task::Embed, Task::Reconstruct])
    } else if has("head.weight") {
        ("a classification model", &[Task::Classify, Task::Multilabel])
    } else {
        match classes {
            Some(2) => ("a change detection model", &[Task::Change, Task::Segment]),
            Some(_) => ("a segmentation model", &[Task::Segment]),
            None => {
                return Err(Error::model(
                    "the checkpoint holds no known SpectralGPT model: it has none of \
                     'head.weight', 'cls_seg.0.weight' and 'mask_token'; give a checkpoint as the \
                     authors' training scripts save it",
                ));
            }
        }
    };
    match chosen {
        None => Ok(tasks[0]),
        Some(task) if tasks.contains(&task) => Ok(task),
        Some(task) => {
            let names: Vec<_> = tasks.iter().map(|task| task.name()).collect();
            Err(Error::usage(format!(
                "the task {} was given, but the checkpoint holds {found}, which is good for {}; \
                 {} needs {}",
                task.name(),
                names.join(" or "),
                task.name(),
                source(task)
            )))
        }
    }
}

/// Says what checkpoint a task needs.
fn source(task: Task) -> &'static str {
    match task {
        Task::Classify | Task::Multilabel => "a fine-tuned classification model",
        Task::Segment => "a segmentation model, or a change detection model's 2 classes",
        Task::Change => "a change detection model, which has 2 classes",
        Task::Embed | Task::Reconstruct => {
            "a pretrained autoencoder (SpectralGPT.pth or SpectralGPT+.pth): fine-tuned models \
             have not kept its encoder"
        }
    }
}
