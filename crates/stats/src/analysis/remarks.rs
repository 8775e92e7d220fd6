//! Warnings and notes, collected while an experiment is analysed.

use super::report::{Remark, RemarkCode};

/// What a report says besides the numbers.
#[derive(Default)]
pub(super) struct Remarks {
    pub(super) warnings: Vec<Remark>,
    pub(super) notes: Vec<Remark>,
}

impl Remarks {
    pub(super) fn warn(&mut self, code: RemarkCode, message: String) {
        self.warnings.push(Remark { code, message });
    }

    pub(super) fn note(&mut self, code: RemarkCode, message: String) {
        self.notes.push(Remark { code, message });
    }
}
