//! What is done with a deployment that exists.

mod key;
mod rollback;

pub use key::{Key, KeyError, keys, retire, rotate};
pub use rollback::{Move, RollbackError, rollback};
