//! Counters of an import before they have a name. No event counts into them and no reader finds them until
//! `publish.lua` registers all of them at once. An import that is killed leaves them: the next import
//! removes them once they were left alone for [`LEASE`].

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use abtest_config::Limits;
use abtest_model::{Experiment, Namespace, Uuid};
use redis::{Cmd, FromRedisValue, Script, cmd};

use super::keys::{self, CounterName, DELETED};
use super::layout::{Identity, LAST_LEVEL};
use super::{Counted, Exact, Known, RUN, garbage};
use crate::redis::connection::Connection;
use crate::redis::import::{MARK_SECONDS, mark_key};
use crate::redis::keys as gimel;
use crate::transfer::TransferError;
use crate::{Refusal, StoreError};

static CLAIM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("claim.lua")));
static PUBLISH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("../import_limits.lua"), include_str!("publish.lua")))
});

/// How long an import may do nothing before another one removes what it staged. The clocks of the
/// machines that import must not differ by more.
const LEASE: Duration = Duration::from_secs(600);

/// How often an import says that it is active.
const BEAT: Duration = Duration::from_secs(30);

/// How long removing what another import left may take. What is left then is removed with the next
/// deletion.
const REMOVAL_TIME: Duration = Duration::from_secs(60);

/// What an import publishes: names, and what the registry has of them.
pub(in crate::redis) struct Publication {
    pub(in crate::redis) counters: Vec<(String, String)>,
    pub(in crate::redis) ledgers: Vec<(String, String)>,
}

/// The counters that an import has staged.
pub(in crate::redis) struct Staging<'a> {
    connection: &'a Connection,
    /// A name of its own for each run.
    import: String,
    last_beat: Instant,
}

impl<'a> Staging<'a> {
    /// Begins an import. Removes what others left.
    pub(in crate::redis) async fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        let known: Vec<(String, u64)> =
            run(connection, cmd("HGETALL").arg(keys::IMPORTS).take()).await?;
        let before = now().saturating_sub(LEASE.as_secs());
        for (import, _) in known.iter().filter(|(_, active)| *active < before) {
            claim(connection, import, before).await?;
        }
        let import = uuid::Uuid::new_v4().simple().to_string();
        let mut staging = Self { connection, import, last_beat: Instant::now() };
        staging.beat().await?;
        Ok(staging)
    }

    /// Says that the import is active.
    async fn beat(&mut self) -> Result<(), StoreError> {
        self.last_beat = Instant::now();
        let beat = cmd("HSET").arg(keys::IMPORTS).arg(&self.import).arg(now()).take();
        run(self.connection, beat).await
    }

    /// Says so if it has not for a while.
    pub(in crate::redis) async fn beat_if_due(&mut self) -> Result<(), StoreError> {
        if self.last_beat.elapsed() < BEAT { Ok(()) } else { self.beat().await }
    }

    /// Stages a counter without uuids under a new identity, with this seed or a new one. Returns what the
    /// registry would have of it.
    pub(in crate::redis) async fn add(
        &self,
        seed: Option<&str>,
    ) -> Result<(String, Identity), StoreError> {
        let fresh = seed.map_or_else(Identity::random, Identity::fresh);
        let identity = Identity::read(&fresh)
            .ok_or_else(|| StoreError::Unexpected("a seed that is no seed".into()))?;
        let key = keys::staged(&self.import);
        run::<i64>(self.connection, cmd("SADD").arg(key).arg(identity.id()).take()).await?;
        Ok((fresh, identity))
    }

    /// Registers the counters and ledgers.
    pub(in crate::redis) async fn publish(
        &self,
        namespace: &Namespace,
        experiment: &Experiment,
        limits: &Limits,
        beside_estimates: bool,
        Publication { counters, ledgers }: &Publication,
        digest: &str,
    ) -> Result<(), TransferError> {
        let of_namespace = gimel::NamespaceKeys::new(namespace);
        let (ns, member) = (of_namespace.member(), gimel::member(experiment));
        let mut script = PUBLISH.key(keys::IMPORTS);
        script
            .key(keys::staged(&self.import))
            .key(mark_key(namespace, experiment))
            .key(keys::NAMESPACES)
            .key(keys::experiments(ns))
            .key(keys::count(ns))
            .key(keys::counters(ns, &member))
            .key(keys::values(ns, &member));
        if beside_estimates {
            script
                .key(gimel::NAMESPACES)
                .key(of_namespace.experiments())
                .key(of_namespace.counters());
        }
        let spellings = gimel::members(experiment);
        script
            .arg(limits.namespaces)
            .arg(limits.experiments)
            .arg(limits.counters)
            .arg(limits.counters_per_experiment)
            .arg(ns)
            .arg(&*member)
            .arg(digest)
            .arg(MARK_SECONDS)
            .arg(&self.import)
            .arg(spellings.len())
            .arg(spellings)
            .arg(ledgers.len());
        for (name, identity) in ledgers.iter().chain(counters) {
            script.arg(name).arg(identity);
        }
        let word: String = self.connection.invoke(&script).await?;
        published(&word, limits)
    }

    /// The name of this import.
    pub(in crate::redis) fn import(&self) -> &str {
        &self.import
    }

    /// The key of the ids that this import has staged.
    pub(in crate::redis) fn key(&self) -> String {
        keys::staged(&self.import)
    }

    /// Removes what is staged.
    pub(in crate::redis) async fn discard(&self) -> Result<(), StoreError> {
        claim(self.connection, &self.import, u64::MAX >> 12).await
    }
}

/// Reads the word that a script of publishing answers with.
pub(in crate::redis) fn published(word: &str, limits: &Limits) -> Result<(), TransferError> {
    let refusal: Option<Refusal> = crate::redis::outcome::refusal(word, limits);
    match (word, refusal) {
        ("published", _) => Ok(()),
        ("exists", _) => Err(TransferError::Exists),
        ("expired", _) => Err(TransferError::Expired),
        (_, Some(refusal)) => Err(refusal.into()),
        (_, None) => Err(StoreError::Unexpected("the answer to publishing".into()).into()),
    }
}

/// Removes what an import staged, if it was not active since.
async fn claim(connection: &Connection, import: &str, before: u64) -> Result<(), StoreError> {
    let mut script = CLAIM.key(keys::IMPORTS);
    script.key(keys::staged(import)).key(DELETED).arg(import).arg(before);
    let ids: Vec<String> = connection.invoke(&script).await?;
    let deadline = Instant::now() + REMOVAL_TIME;
    for id in ids {
        match garbage::remove(connection, &id, deadline).await {
            // The next deletion continues.
            Ok(()) | Err(StoreError::Unfinished) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

async fn run<T: FromRedisValue>(connection: &Connection, command: Cmd) -> Result<T, StoreError> {
    let command = &command;
    connection
        .run(connection.response_timeout(), |mut connection| async move {
            command.query_async(&mut connection).await
        })
        .await
}

impl Exact {
    /// Counts uuids into a staged counter.
    ///
    /// # Errors
    /// [`TransferError::Expired`] when the counter was removed.
    pub(in crate::redis) async fn stage(
        &self,
        connection: &Connection,
        (namespace, experiment): (&Namespace, &Experiment),
        identity: &Identity,
        uuids: &[Uuid],
        is_first: bool,
    ) -> Result<(), TransferError> {
        // No counter has this name, so that no event is counted here.
        let name = CounterName::staged(namespace, experiment, identity.id());
        let declared = LAST_LEVEL + 1;
        let mut known =
            Known { identity: identity.clone(), declared, fresh: is_first, closed: None };
        let counted = self.stage_runs(connection, &name, &mut known, uuids).await;
        self.forget(&name, identity);
        counted
    }

    async fn stage_runs(
        &self,
        connection: &Connection,
        name: &CounterName,
        known: &mut Known,
        uuids: &[Uuid],
    ) -> Result<(), TransferError> {
        let mut runs = uuids.chunks(RUN);
        // The first one says how deep the counter is.
        let first = runs.next().unwrap_or_default();
        self.stage_run(connection, name, known, first).await?;
        if let Some(learned) = self.known().get(name) {
            known.declared = learned.declared;
        }
        known.fresh = false;
        let known = &*known;
        let runs = runs.map(|run| self.stage_run(connection, name, known, run));
        futures_util::future::try_join_all(runs).await.map(drop)
    }

    async fn stage_run(
        &self,
        connection: &Connection,
        name: &CounterName,
        known: &Known,
        uuids: &[Uuid],
    ) -> Result<(), TransferError> {
        let texts = || uuids.iter().map(|uuid| (uuid.as_str(), String::new()));
        if let Counted::Outcome(outcome) = self.run(connection, name, known, texts()).await? {
            return Ok(outcome?);
        }
        // The counter has more levels by now, or it is gone.
        let known = Known { declared: LAST_LEVEL + 1, ..known.clone() };
        match self.run(connection, name, &known, texts()).await? {
            Counted::Outcome(outcome) => Ok(outcome?),
            Counted::Again | Counted::WrongMode(_) => Err(TransferError::Expired),
        }
    }
}
