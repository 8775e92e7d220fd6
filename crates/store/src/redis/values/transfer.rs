//! Exports ledgers, and stages them for an import: the records are written as they are, and the sums are
//! made from them.

use std::collections::{BTreeMap, HashMap};

use abtest_model::{Amount, EventId, Goal, Uuid, Variant};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redis::{Value, pipe};

use super::layout::{LAST_LEVEL, Place, buckets, id_place, level_of, path, unit_place};
use super::{numbered_bucket_key, recap};
use crate::redis::connection::Connection;
use crate::redis::exact::layout::{Identity, bucket_key};
use crate::redis::exact::staging::Staging;
use crate::redis::keys::escape;
use crate::redis::read::query;
use crate::transfer::{
    Export, ExportedLedger, ExportedUnit, TransferError, UuidCounter, exported_cap, invalid,
};

/// Buckets that are read or written in one round trip.
const STEP: usize = 200;

/// Reads a ledger. `None` if it has no records. Of the events that come in meanwhile, each may be in it.
pub(in crate::redis) async fn export(
    connection: &Connection,
    goal: &Goal,
    ledger: &Identity,
) -> Result<Option<ExportedLedger>, TransferError> {
    let mut found = BTreeMap::new();
    let mut level = 0;
    let state = loop {
        let mut read = pipe();
        read.hgetall(ledger.state_key());
        let state: Vec<HashMap<String, String>> = query(connection, read).await?;
        let state = state.into_iter().next().unwrap_or_default();
        // A level may have begun meanwhile.
        if level > deepest_of(&state) || !state.contains_key("records") {
            break state;
        }
        let numbers: Vec<u64> = (0..buckets(level)).collect();
        for some in numbers.chunks(STEP) {
            let mut read = pipe();
            for number in some {
                read.hgetall(numbered_bucket_key(ledger.id(), level, *number));
            }
            let records: Vec<BTreeMap<Vec<u8>, String>> = query(connection, read).await?;
            for (number, records) in some.iter().zip(records).filter(|(_, found)| !found.is_empty())
            {
                let records = records.iter();
                let records = records.map(|(field, record)| (BASE64.encode(field), record.clone()));
                found.insert(path(level, *number), records.collect());
            }
        }
        level += 1;
    };
    if found.is_empty() {
        return Ok(None);
    }
    let variant = |(field, name): (&String, &String)| {
        Some((field.strip_prefix("n:")?.parse().ok()?, name.clone()))
    };
    let cap = state.get("cap").and_then(|cap| cap.parse().ok());
    Ok(Some(ExportedLedger {
        goal: goal.to_string(),
        cap: cap.and_then(Amount::from_ten_thousandths).map(|cap| cap.to_string()),
        seed: ledger.seed(),
        deepest: deepest_of(&state),
        variants: state.iter().filter_map(variant).collect(),
        buckets: found,
    }))
}

fn deepest_of(state: &HashMap<String, String>) -> u8 {
    state.get("deepest").and_then(|deepest| deepest.parse().ok()).unwrap_or(0).min(LAST_LEVEL)
}

/// Stages the ledgers of an export. Returns their goals, as the registry has them, and what it gets.
pub(in crate::redis) async fn stage(
    connection: &Connection,
    staging: &mut Staging<'_>,
    export: &Export,
) -> Result<Vec<(String, String)>, TransferError> {
    let ledgers = match export.holds_uuids() {
        true => from_units(&export.uuid_counters()?)?,
        false => export.ledgers.clone(),
    };
    ledgers.iter().try_for_each(check)?;
    let mut staged = Vec::with_capacity(ledgers.len());
    for ledger in &ledgers {
        let goal = Goal::new(&*ledger.goal).map_err(invalid)?;
        let (fresh, identity) = staging.add(Some(&ledger.seed)).await?;
        write(connection, staging, &identity, ledger).await?;
        while !recap(connection, &identity, exported_cap(ledger.cap.as_deref())?, true).await? {
            staging.beat_if_due().await?;
        }
        staged.push((escape(goal.as_str()).into_owned(), fresh));
    }
    Ok(staged)
}

/// The ledgers that units and ids of a folder make.
fn from_units(counters: &[UuidCounter]) -> Result<Vec<ExportedLedger>, TransferError> {
    let mut ledgers = BTreeMap::<&Goal, (Identity, u64, ExportedLedger)>::new();
    for UuidCounter { goal, variant, values, .. } in counters {
        let Some(values) = values else { continue };
        if !ledgers.contains_key(goal) {
            let identity = Identity::read(&Identity::random());
            let identity = identity.ok_or_else(|| invalid("a seed that is no seed"))?;
            let ledger = ExportedLedger {
                goal: goal.to_string(),
                cap: values.cap.clone(),
                seed: identity.seed(),
                deepest: 0,
                variants: BTreeMap::new(),
                buckets: BTreeMap::new(),
            };
            ledgers.insert(goal, (identity, 0, ledger));
        }
        let Some((identity, records, ledger)) = ledgers.get_mut(goal) else { continue };
        let number = ledger.variants.len() as u64 + 1;
        ledger.variants.insert(number, variant.to_string());
        let mut add = |place: Place, record: String| {
            let level = level_of(*records);
            *records += 1;
            ledger.deepest = ledger.deepest.max(level);
            let bucket = ledger.buckets.entry(place.path_on(level).to_owned()).or_default();
            bucket.insert(BASE64.encode(place.field), record);
        };
        for unit in &values.units {
            let uuid = Uuid::new(&*unit.uuid).map_err(invalid)?;
            add(unit_place(identity, variant, &uuid), unit_record(number, unit)?);
        }
        for id in &values.ids {
            let id = EventId::new(&**id).map_err(invalid)?;
            add(id_place(identity, &id), number.to_string());
        }
    }
    Ok(ledgers.into_values().map(|(_, _, ledger)| ledger).collect())
}

fn unit_record(variant: u64, unit: &ExportedUnit) -> Result<String, TransferError> {
    let total = Amount::from_text(&unit.total).map_err(invalid)?.ten_thousandths();
    let allocation = unit.allocation.map(|number| format!(":a{number}")).unwrap_or_default();
    let plain = if unit.has_plain { ":d" } else { "" };
    Ok(format!("{variant}:{total}{allocation}{plain}"))
}

/// Checks a ledger before it is staged.
fn check(ledger: &ExportedLedger) -> Result<(), TransferError> {
    if Identity::read(&Identity::fresh(&ledger.seed)).is_none() {
        return Err(invalid("a seed does not have 32 hexadecimal digits"));
    }
    if ledger.deepest > LAST_LEVEL {
        return Err(invalid(format!("level {} is above {LAST_LEVEL}", ledger.deepest)));
    }
    for name in ledger.variants.values() {
        Variant::new(&**name).map_err(invalid)?;
    }
    for (path, records) in &ledger.buckets {
        let is_octal = path.bytes().all(|digit| (b'0'..b'8').contains(&digit));
        if !is_octal || path.len() > usize::from(ledger.deepest) {
            return Err(invalid(format!("there is no bucket `{}`", path.escape_debug())));
        }
        for (field, record) in records {
            if BASE64.decode(field).map_err(invalid)?.len() != 6 || !is_record(record) {
                let record = record.escape_debug();
                return Err(invalid(format!("`{record}` in bucket `{path}` is not a record")));
            }
        }
    }
    Ok(())
}

/// Whether a text is the number of a variant, or a unit with a total that is in range.
fn is_record(record: &str) -> bool {
    let mut parts = record.split(':');
    let number = parts.next().is_some_and(|number| number.parse::<u64>().is_ok());
    let total = parts.next().map(|total| total.parse().ok().and_then(Amount::from_ten_thousandths));
    number && total.is_none_or(|total| total.is_some())
}

async fn write(
    connection: &Connection,
    staging: &mut Staging<'_>,
    identity: &Identity,
    ledger: &ExportedLedger,
) -> Result<(), TransferError> {
    let key = identity.state_key();
    let records: usize = ledger.buckets.values().map(BTreeMap::len).sum();
    let last = ledger.variants.keys().max().copied().unwrap_or(0);
    let mut state = pipe();
    state
        .hset(&key, "records", records)
        .hset(&key, "deepest", ledger.deepest)
        .hset(&key, "fan", 8)
        .hset(&key, "variants", last);
    for (number, name) in &ledger.variants {
        state.hset(&key, format!("n:{number}"), name).hset(&key, format!("v:{name}"), number);
    }
    let _: Vec<Value> = query(connection, state).await?;
    let all: Vec<_> = ledger.buckets.iter().collect();
    for some in all.chunks(STEP) {
        let mut write = pipe();
        for (path, records) in some {
            let mut decoded = Vec::with_capacity(records.len());
            for (field, record) in *records {
                decoded.push((BASE64.decode(field).map_err(invalid)?, record));
            }
            write.hset_multiple(bucket_key(identity.id(), path), &decoded);
        }
        let _: Vec<Value> = query(connection, write).await?;
        staging.beat_if_due().await?;
    }
    Ok(())
}
