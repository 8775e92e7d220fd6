//! Operating a deployment: rolling back, rotating the key, reading logs.

mod key;
mod logs;
mod rollback;

pub use key::{Key, KeyError, keys, retire, rotate};
pub use logs::{LogEvent, logs};
pub use rollback::{Move, RollbackError, rollback};
