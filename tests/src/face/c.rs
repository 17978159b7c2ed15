//! The C ABI, called as a C program calls it.

mod arrays;
mod callbacks;
mod files;
mod session;

pub use arrays::Arrays;
pub use callbacks::Callbacks;
pub use files::Files;
pub(super) use files::{maps, scenes};
pub use session::Session;
