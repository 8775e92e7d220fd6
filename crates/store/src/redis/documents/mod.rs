//! Documents in Redis.
//!
//! | module | holds |
//! |---|---|
//! | `keys` | the keys |
//! | `commit.lua` | checks the expected versions and stores all writes |
//! | `names.lua` | lists which documents a namespace has |
//! | `snapshot.lua` | reads a whole namespace, unless the caller has that version |
//! | `legacy` | reads the keys of older versions once |

mod keys;
mod legacy;

use std::collections::{BTreeMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use abtest_model::{Experiment, Namespace};
use futures_util::future::try_join_all;
use redis::{FromRedisValue, Script, Value, cmd, pipe};

pub(super) use legacy::{Migrated, forget as forget_legacy};

use super::RedisStore;
use super::connection::Connection;
use super::read::query;
use crate::documents::check_distinct;
use crate::{
    Change, CommitError, Committed, Document, DocumentKey, Documents, Expected, HistoryEntry, Kind,
    NamespaceSnapshot, StoreError, Write,
};
use keys::Keys;

/// How long Redis keeps the answer to a commit: much longer than connecting again takes.
const ANSWER_KEPT_MS: u32 = 60_000;

static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commit.lua")));
static NAMES: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("names.lua")));
static SNAPSHOT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("snapshot.lua")));

impl Documents for RedisStore {
    async fn get(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Option<Document>, StoreError> {
        self.migrate_documents(namespace).await?;
        let mut read = pipe();
        read.hget(Keys::new(namespace).kind(key.kind), &key.name);
        let found: Vec<Option<String>> = query(&self.server.connection, read).await?;
        match found.into_iter().next().flatten() {
            Some(record) => Ok(read_record(key.clone(), &record)),
            None => Ok(None),
        }
    }

    async fn list(
        &self,
        namespace: &Namespace,
        kinds: &[Kind],
        names: Option<&[Experiment]>,
    ) -> Result<Vec<Document>, StoreError> {
        self.migrate_documents(namespace).await?;
        let keys = Keys::new(namespace);
        if names.is_some_and(<[Experiment]>::is_empty) {
            return Ok(Vec::new());
        }
        let mut read = pipe();
        for kind in kinds {
            match names {
                None => read.hgetall(keys.kind(*kind)),
                Some(names) => {
                    let mut get = cmd("HMGET");
                    get.arg(keys.kind(*kind));
                    for name in names {
                        get.arg(name.as_str());
                    }
                    read.add_command(get)
                }
            };
        }
        let answers: Vec<Value> = query(&self.server.connection, read).await?;
        let mut documents = BTreeMap::new();
        for (kind, answer) in kinds.iter().zip(answers) {
            let records: Vec<(String, String)> = match names {
                None => read_answer(answer)?,
                Some(names) => {
                    let records: Vec<Option<String>> = read_answer(answer)?;
                    let names = names.iter().map(ToString::to_string);
                    names.zip(records).filter_map(|(name, record)| Some((name, record?))).collect()
                }
            };
            take_documents(&mut documents, *kind, records);
        }
        Ok(documents.into_values().collect())
    }

    async fn snapshot(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Result<Option<NamespaceSnapshot>, StoreError> {
        self.migrate_documents(namespace).await?;
        snapshot(&self.server.connection, namespace, &Kind::ALL, unless_version).await
    }

    async fn definitions(
        &self,
        namespace: &Namespace,
        unless_version: Option<u64>,
    ) -> Result<Option<NamespaceSnapshot>, StoreError> {
        snapshot(&self.server.connection, namespace, &Kind::DEFINING, unless_version).await
    }

    /// Concurrent scripts, which share round trips.
    async fn defining_keys(
        &self,
        namespaces: &[Namespace],
    ) -> Result<Vec<Vec<DocumentKey>>, StoreError> {
        /// Most scripts at once, so that the last one is answered within its time limit.
        const AT_ONCE: usize = 100;
        let mut keys = Vec::with_capacity(namespaces.len());
        for some in namespaces.chunks(AT_ONCE) {
            let mut asked = Vec::with_capacity(some.len());
            for namespace in some {
                asked.push(defining_keys(&self.server.connection, namespace));
            }
            keys.extend(try_join_all(asked).await?);
        }
        Ok(keys)
    }

    async fn namespaces(&self) -> Result<Vec<Namespace>, StoreError> {
        let mut read = pipe();
        read.smembers(keys::NAMESPACES);
        let found: Vec<Vec<String>> = query(&self.server.connection, read).await?;
        let mut namespaces: Vec<Namespace> =
            found.into_iter().flatten().filter_map(|name| Namespace::new(name).ok()).collect();
        namespaces.sort();
        Ok(namespaces)
    }

    async fn version(&self, namespace: &Namespace) -> Result<u64, StoreError> {
        self.migrate_documents(namespace).await?;
        version(&self.server.connection, namespace).await
    }

    /// One round trip. If the connection breaks, the commit is sent once more. If the first run
    /// stored it, the second run changes nothing and gets the same answer.
    async fn commit(
        &self,
        namespace: &Namespace,
        based_on: Option<u64>,
        writes: Vec<Write>,
    ) -> Result<Committed, CommitError> {
        self.migrate_documents(namespace).await?;
        self.register(namespace).await?;
        commit(&self.server.connection, namespace, based_on, &writes).await
    }

    async fn history(
        &self,
        namespace: &Namespace,
        key: &DocumentKey,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let mut read = pipe();
        read.lrange(Keys::new(namespace).history(key), 0, -1);
        let lines: Vec<Vec<String>> = query(&self.server.connection, read).await?;
        let entry = |line: &String| {
            let mut parts = line.splitn(3, ' ');
            Some(HistoryEntry {
                version: parts.next()?.parse().ok()?,
                at: parts.next()?.parse().ok()?,
                entry: parts.next()?.to_owned(),
            })
        };
        let damaged = || StoreError::Damaged { what: format!("the history of {key}") };
        lines.iter().flatten().map(|line| entry(line).ok_or_else(damaged)).collect()
    }
}

/// Reads documents of any namespaces in one round trip. One that cannot be read is left out.
pub(super) async fn read(
    connection: &Connection,
    keys: &[(&Namespace, DocumentKey)],
) -> Result<Vec<Option<Document>>, StoreError> {
    let mut read = pipe();
    for (namespace, key) in keys {
        read.hget(Keys::new(namespace).kind(key.kind), &key.name);
    }
    let records: Vec<Option<String>> = query(connection, read).await?;
    let document = |((_, key), record): (&(&Namespace, DocumentKey), Option<String>)| {
        read_record(key.clone(), &record?)
    };
    Ok(keys.iter().zip(records).map(document).collect())
}

/// The namespaces that this process has registered.
#[derive(Debug, Default)]
pub(in crate::redis) struct Registered(Mutex<HashSet<Namespace>>);

impl RedisStore {
    /// Adds a namespace to the set of those with documents, once per process.
    async fn register(&self, namespace: &Namespace) -> Result<(), StoreError> {
        /// Most namespaces that are remembered; one more forgets all.
        const REMEMBERED: usize = 10_000;
        let registered = || self.server.registered.0.lock().unwrap_or_else(PoisonError::into_inner);
        if registered().contains(namespace) {
            return Ok(());
        }
        let mut add = pipe();
        add.sadd(keys::NAMESPACES, namespace.as_str());
        let _: Vec<Value> = query(&self.server.connection, add).await?;
        let mut all = registered();
        if all.len() >= REMEMBERED {
            all.clear();
        }
        all.insert(namespace.clone());
        Ok(())
    }
}

/// The documents of these kinds, unless the namespace has the version that the caller knows.
async fn snapshot(
    connection: &Connection,
    namespace: &Namespace,
    kinds: &[Kind],
    unless_version: Option<u64>,
) -> Result<Option<NamespaceSnapshot>, StoreError> {
    let keys = Keys::new(namespace);
    let mut script = SNAPSHOT.key(keys.version());
    for kind in kinds {
        script.key(keys.kind(*kind));
    }
    script.arg(unless_version.map(|version| version.to_string()).unwrap_or_default());
    let mut answer = connection.invoke::<Vec<Value>>(&script).await?.into_iter();
    let version = answer.next().ok_or_else(|| unexpected("the snapshot's answer"))?;
    let version: u64 = read_answer(version)?;
    if unless_version == Some(version) {
        return Ok(None);
    }
    let mut documents = BTreeMap::new();
    for (kind, hash) in kinds.iter().zip(answer) {
        take_documents(&mut documents, *kind, read_answer(hash)?);
    }
    Ok(Some(NamespaceSnapshot { version, documents: documents.into_values().collect() }))
}

async fn defining_keys(
    connection: &Connection,
    namespace: &Namespace,
) -> Result<Vec<DocumentKey>, StoreError> {
    let keys = Keys::new(namespace);
    let mut script = NAMES.prepare_invoke();
    for kind in Kind::DEFINING {
        script.key(keys.kind(kind));
    }
    let names: Vec<Vec<String>> = connection.invoke(&script).await?;
    let of_kind = |(kind, names): (Kind, Vec<String>)| {
        names.into_iter().map(move |name| DocumentKey::new(kind, name))
    };
    let mut keys: Vec<DocumentKey> =
        Kind::DEFINING.into_iter().zip(names).flat_map(of_kind).collect();
    keys.sort();
    Ok(keys)
}

async fn version(connection: &Connection, namespace: &Namespace) -> Result<u64, StoreError> {
    let mut read = pipe();
    read.get(Keys::new(namespace).version());
    let found: Vec<Option<u64>> = query(connection, read).await?;
    Ok(found.into_iter().next().flatten().unwrap_or(0))
}

pub(super) async fn commit(
    connection: &Connection,
    namespace: &Namespace,
    based_on: Option<u64>,
    writes: &[Write],
) -> Result<Committed, CommitError> {
    check_distinct(writes)?;
    let keys = Keys::new(namespace);
    let mut script = COMMIT.key(keys.version());
    script
        .key(keys.commit(&uuid::Uuid::new_v4().simple().to_string()))
        .key(keys.damaged())
        .arg(based_on.map(|version| version.to_string()).unwrap_or_default())
        .arg(ANSWER_KEPT_MS);
    for Write { key, expected, change, entry } in writes {
        script.key(keys.kind(key.kind)).key(keys.history(key)).arg(&key.name);
        script.arg(match expected {
            Expected::Any => "any".to_owned(),
            Expected::Absent => "absent".to_owned(),
            Expected::Version(version) => version.to_string(),
        });
        match change {
            Change::Put(content) => script.arg("put").arg(&**content),
            Change::Delete => script.arg("delete").arg(""),
        };
        script.arg(entry.as_deref().unwrap_or_default());
    }
    let answer: Vec<Value> = connection.invoke(&script).await?;
    let answer: Vec<String> = answer.into_iter().map(read_answer).collect::<Result<_, _>>()?;
    read_commit(&answer, writes)
        .unwrap_or_else(|| Err(CommitError::Store(unexpected("the commit's answer"))))
}

/// Reads what `commit.lua` returns.
fn read_commit(answer: &[String], writes: &[Write]) -> Option<Result<Committed, CommitError>> {
    let number = |position: usize| answer.get(position)?.parse::<u64>().ok();
    Some(match &**answer.first()? {
        "done" => Ok(Committed {
            version: number(1)?,
            versions: (0..writes.len()).map(|write| number(write + 2)).collect::<Option<_>>()?,
        }),
        "outdated" => Err(CommitError::Outdated { found: number(1)? }),
        "conflict" => {
            let write = writes.get(usize::try_from(number(1)?).ok()?)?;
            Err(CommitError::Conflict { key: write.key.clone(), found: number(2) })
        }
        _ => return None,
    })
}

/// Reads what a hash has for a name; `None` for the tombstone of a deleted document.
fn read_record(key: DocumentKey, record: &str) -> Option<Document> {
    let (version, content) = match record.split_once(' ') {
        Some((version, content)) => (version, Some(content)),
        None => (record, None),
    };
    match version.parse() {
        Ok(version) => Some(Document::new(key, version, content?)),
        Err(_) => Some(Document::damaged(key, 0)),
    }
}

fn take_documents(
    documents: &mut BTreeMap<DocumentKey, Document>,
    kind: Kind,
    records: Vec<(String, String)>,
) {
    for (name, record) in records {
        let key = DocumentKey::new(kind, name);
        if let Some(document) = read_record(key.clone(), &record) {
            documents.insert(key, document);
        }
    }
}

fn read_answer<T: FromRedisValue>(answer: Value) -> Result<T, StoreError> {
    T::from_redis_value(answer).map_err(|_| unexpected("an answer of another type"))
}

fn unexpected(what: &str) -> StoreError {
    StoreError::Unexpected(what.to_owned())
}
