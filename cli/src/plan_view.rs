//! Prints a plan.

use abtest_wiring::plan::{Action, Plan};

use crate::terminal::{bold, dim, green, red_out, yellow};

/// Prints the changes, and how many resources stay as they are.
pub(crate) fn show(plan: &Plan) {
    for change in plan.changing() {
        let action = format!("{:6}", change.action.to_string());
        let action = match change.action {
            Action::Create => green(&action),
            Action::Adopt | Action::Update => yellow(&action),
            Action::Remove => red_out(&action),
            Action::Keep => dim(&action),
        };
        println!("{action} {}", bold(&change.resource));
        for detail in &change.details {
            println!("       {}", dim(detail));
        }
    }
    let changing = plan.changing().count();
    let kept = plan.changes.len() - changing;
    if changing > 0 {
        println!("{changing} to change, {kept} to keep");
    }
}
