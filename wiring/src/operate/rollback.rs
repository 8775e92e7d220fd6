//! Back to an earlier deploy: the alias of each function moves, which takes effect at once.

use std::collections::BTreeMap;

use crate::account::{Account, Call, CallError};
use crate::blueprint::ALIAS;
use crate::found::{Found, FoundFunction};

/// A function's way from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The function.
    pub function: String,
    /// The version that is live.
    pub from: u64,
    /// The version that will be.
    pub to: u64,
}

/// Why there is no way back.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// Nothing is live.
    #[error("nothing is deployed; run `abtest deploy`")]
    NothingLive,
    /// There is no earlier one.
    #[error("deploy {0} is the first that is kept; there is none to go back to")]
    NoEarlier(u32),
    /// There is none of that number.
    #[error("there is no deploy {asked}; `abtest status` shows those that are kept: {}", list(.kept))]
    Unknown {
        /// The number asked for.
        asked: u32,
        /// Those that there are.
        kept: Vec<u32>,
    },
}

fn list(deploys: &[u32]) -> String {
    deploys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Found {
    /// The deploys that are kept, the newest first.
    pub fn deploys(&self) -> Vec<u32> {
        let versions = self.functions.values().flat_map(|function| function.versions.values());
        let deploys: std::collections::BTreeSet<u32> =
            versions.filter_map(|version| version.deploy).collect();
        deploys.into_iter().rev().collect()
    }

    /// The deploy that is live: the newest of which each function serves its version. A function
    /// that came later has none, and goes on.
    pub fn live_deploy(&self) -> Option<u32> {
        let serves = |deploy: u32| {
            self.functions.values().filter(|function| function.live.is_some()).all(|function| {
                let version = version_of(&function.versions, deploy);
                version.is_none() || version == function.live
            })
        };
        let newest = || self.functions.values().filter_map(FoundFunction::live_deploy).max();
        let kept = self.deploys();
        let live = newest()?;
        kept.into_iter().find(|deploy| *deploy <= live && serves(*deploy)).or(Some(live))
    }

    /// The moves that make deploy `to` live, or the one before the live one. A function that did
    /// not change in a deploy has no version of it, and takes its newest version before.
    ///
    /// # Errors
    /// When there is no such deploy.
    pub fn moves(&self, to: Option<u32>) -> Result<Vec<Move>, RollbackError> {
        let live = self.live_deploy().ok_or(RollbackError::NothingLive)?;
        let kept = self.deploys();
        let target = match to {
            Some(asked) if kept.contains(&asked) => asked,
            Some(asked) => return Err(RollbackError::Unknown { asked, kept }),
            None => {
                let earlier = kept.into_iter().find(|deploy| *deploy < live);
                earlier.ok_or(RollbackError::NoEarlier(live))?
            }
        };
        let moved = self.functions.iter().filter_map(|(name, function)| {
            let (from, to) = (function.live?, version_of(&function.versions, target)?);
            (from != to).then(|| Move { function: name.clone(), from, to })
        });
        Ok(moved.collect())
    }
}

fn version_of(versions: &BTreeMap<u64, crate::found::FoundVersion>, target: u32) -> Option<u64> {
    let up_to = |deploy: Option<u32>| deploy.is_some_and(|deploy| deploy <= target);
    let mut known = versions.iter().filter(|(_, version)| up_to(version.deploy));
    known.next_back().map(|(number, _)| *number)
}

/// Moves the functions.
///
/// # Errors
/// When a call fails; those before it have moved.
pub async fn rollback(account: &Account, moves: &[Move]) -> Result<(), CallError> {
    for Move { function, to, .. } in moves {
        let call = account.functions.update_alias().function_name(function).name(ALIAS);
        let call = call.function_version(to.to_string()).send().await;
        call.call("lambda:UpdateAlias", function)?;
    }
    Ok(())
}
