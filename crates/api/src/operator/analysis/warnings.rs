//! What a reader must know besides the numbers: lost counts, damaged documents, and how the report
//! differs from the definition.

use abtest_model::definition::Document;
use abtest_model::{AllocationResults, Tally};
use abtest_stats::analysis::{Analysis, Remark, RemarkCode};
use abtest_stats::words::thousands;
use abtest_store::Kind;

use super::{defined, looks};
use crate::document::AnalysedResults;
use crate::operator::kept::{Damage, Earlier};

/// Adds the warnings and notes of a report.
pub(super) fn add(
    analysis: &mut Analysis,
    tally: &Tally,
    earlier: &Earlier,
    answer: &AnalysedResults,
    what_if: &[String],
) {
    looks::warn(analysis, &earlier.looks.resets);
    warn_of_damage(analysis, &earlier.damaged);
    analysis.warnings.extend(earlier.left_out.as_deref().map(not_published));
    warn_of_loss(analysis, tally);
    analysis.warnings.extend(answer.results.allocations.as_ref().and_then(mismatch));
    warn_of_definition(analysis, earlier.definition(), answer, what_if);
}

/// Says how the report differs from the definition, and what disturbed the experiment.
fn warn_of_definition(
    analysis: &mut Analysis,
    definition: Option<&Document>,
    answer: &AnalysedResults,
    what_if: &[String],
) {
    analysis.warnings.extend(defined::what_if_remark(what_if));
    analysis.warnings.extend(definition.into_iter().flat_map(defined::disturbance_remarks));
    analysis.notes.extend(answer.undeclared.as_ref().map(defined::undeclared_remark));
}

/// A smaller share of mismatches causes no warning: a stranger can forge a few events.
const WORTH_A_WARNING: f64 = 0.001;

/// Says how many participants their allocation gives another variant.
fn mismatch(allocations: &AllocationResults) -> Option<Remark> {
    let (mismatches, stated) = allocations.mismatches();
    if mismatches == 0 || allocations.mismatch < WORTH_A_WARNING {
        return None;
    }
    let message = format!(
        "{} of {} participants whose events state an allocation ({:.1}%) were counted in another variant \
         than this allocation gives them. They are counted as they were sent. Look for a client that \
         assigns by itself, changes the uuid, or caches pages across visitors.",
        thousands(mismatches),
        thousands(stated),
        100.0 * allocations.mismatch
    );
    Some(Remark { code: RemarkCode::AssignmentMismatch, message })
}

/// Says which documents the report goes without.
fn warn_of_damage(analysis: &mut Analysis, damaged: &[Damage]) {
    let warnings = damaged.iter().map(|damage| Remark {
        code: RemarkCode::DamagedDocument,
        message: match damage.kind {
            Kind::Definition => {
                format!(
                    "This report is incomplete, and clients do not get this experiment: {}.",
                    damage.reason
                )
            }
            _ => format!("This report is incomplete: {}.", damage.reason),
        },
    });
    analysis.warnings.extend(warnings);
}

/// Says why clients do not get the experiment.
fn not_published(reason: &str) -> Remark {
    let message = format!(
        "Clients do not get this experiment: {reason}. Write the document again, for example with \
         `abtest experiments edit`."
    );
    Remark { code: RemarkCode::DamagedDocument, message }
}

/// Most lost counters that a warning names.
const NAMED: usize = 5;

/// Says which counters have lost what they counted.
fn warn_of_loss(analysis: &mut Analysis, tally: &Tally) {
    if tally.lost.is_empty() {
        return;
    }
    let shown = |name: &str| name.escape_debug().to_string();
    let mut named: Vec<String> = tally
        .lost
        .iter()
        .take(NAMED)
        .map(|(goal, variant)| {
            format!("`{}` of `{}`", shown(goal.as_str()), shown(variant.as_str()))
        })
        .collect();
    match tally.lost.len() - named.len() {
        0 => {}
        more => named.push(format!("and {more} more")),
    }
    let message = format!(
        "Counts of this experiment are lost: {}. Redis deleted them, or another program did, so the \
         numbers are too low. Do not act on them; check maxmemory-policy, and start a new \
         experiment.",
        named.join(", ")
    );
    analysis.warnings.push(Remark { code: RemarkCode::CountsLost, message });
}
