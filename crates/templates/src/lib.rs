//! What failures that no rule classifies have in common: the line of their logs that tells the cause ([`fn@telling`]), with
//! its variable parts masked ([`mask()`]), is a [`Template`], and failures of one template are one group. Pure: nothing
//! here performs input or output.
//!
//! A group's id is derived from the template alone: the same in every process, whatever came before, so that nothing but
//! rows in a database has to survive a restart.

mod chunk;
pub mod draft;
mod level;
mod mask;
mod root;
pub mod telling;
pub mod template;

pub use draft::{Draft, DraftError, draft};
pub use mask::mask;
pub use telling::{Telling, telling};
pub use template::Template;
