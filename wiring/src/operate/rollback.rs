//! Makes an earlier deploy live: the alias of each function moves, which takes effect at once.

use std::collections::BTreeMap;

use crate::account::{Account, Call, CallError};
use crate::blueprint::ALIAS;
use crate::found::{Found, FoundFunction};

/// A function's move from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// The function.
    pub function: String,
    /// The live version.
    pub from: u64,
    /// The version to make live.
    pub to: u64,
}

/// Why no earlier deploy can be made live.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// Nothing is deployed.
    #[error("nothing is deployed; run `abtest deploy`")]
    NothingLive,
    /// There is no earlier deploy.
    #[error("deploy {0} is the oldest one that is kept; there is no earlier one to go back to")]
    NoEarlier(u32),
    /// No deploy has this number.
    #[error("there is no deploy {asked}; these are kept: {}", list(.kept))]
    Unknown {
        /// The number asked for.
        asked: u32,
        /// The deploys that are kept.
        kept: Vec<u32>,
    },
    /// The deploy's versions were published with a role that has been removed since.
    #[error(
        "version {version} of {function} runs with the role {role}, which is no longer used; deploy \
         that version's code again with `abtest deploy --artifacts`"
    )]
    OldRole {
        /// The function.
        function: String,
        /// The version.
        version: u64,
        /// The role's name.
        role: String,
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

    /// The live deploy: the newest one of which each function serves its version. A function that
    /// was added later has no version of that deploy and is ignored.
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

    /// The moves that make deploy `to` live, or the deploy before the live one. A function that did
    /// not change in that deploy moves to its newest version before it.
    ///
    /// # Errors
    /// When there is no such deploy, or its versions cannot run any more.
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
        let moves: Vec<Move> = moved.collect();
        for Move { function, to, .. } in &moves {
            let found = &self.functions[function];
            let role = &found.versions[to].state.role;
            if *role != found.latest.role {
                return Err(RollbackError::OldRole {
                    function: function.clone(),
                    version: *to,
                    role: role.rsplit('/').next().unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(moves)
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
/// When a call fails. The functions before it have moved already.
pub async fn rollback(account: &Account, moves: &[Move]) -> Result<(), CallError> {
    for Move { function, to, .. } in moves {
        let call = account.functions.update_alias().function_name(function).name(ALIAS);
        let call = call.function_version(to.to_string()).send().await;
        call.call("lambda:UpdateAlias", function)?;
    }
    Ok(())
}
