//! What exact counting costs beside the ways that there are: sets of 32-bit integers
//! (`intsets.lua`), HyperLogLog, a plain set of uuids, and Lamed's flag with an expiry and INCR. One
//! counter grows through the sizes; at each, the count, the memory that Redis uses for it, and the
//! rate at which it got there from the size before, 500 events a round trip, all of them new.
//! `cargo bench -p abtest-store --bench counting` prints docs/exact-counting.md's tables. The
//! sizes: `SIZES`.

use std::error::Error;
use std::hash::Hasher as _;
use std::io::Write;
use std::time::Instant;

use abtest_config::{Limits, RedisConfig};
use abtest_model::{Counting, Event, Experiment, Goal, Namespace, Secret};
use abtest_model::{Uuid, Variant};
use abtest_store::redis::RedisStore;
use abtest_store::{Counters, Include, Recorder};
use abtest_tests::redis::Redis;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, cmd, pipe};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SIZES: &str = "1000 10000 100000 1000000 10000000";
const BATCH: u64 = 500;
/// Batches whose scripts are timed once a counter is full.
const TIMED: u64 = 400;

/// A way of counting.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Exact,
    Intsets,
    Hll,
    Pfadd,
    Set,
    Lamed,
}

impl Way {
    const ALL: [Self; 6] =
        [Self::Exact, Self::Intsets, Self::Hll, Self::Pfadd, Self::Set, Self::Lamed];

    fn name(self) -> &'static str {
        match self {
            Self::Exact => "abtest, exact",
            Self::Intsets => "intsets alone",
            Self::Hll => "abtest, hll",
            Self::Pfadd => "PFADD alone",
            Self::Set => "a set (SADD)",
            Self::Lamed => "Lamed's commands",
        }
    }
}

/// What was measured at a size.
struct Row {
    way: Way,
    events: u64,
    count: u64,
    bytes: i64,
    rate: f64,
    /// Of Redis's CPU, an event.
    microseconds: f64,
}

fn main() -> Result<()> {
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| SIZES.to_owned());
    let sizes: Vec<u64> =
        sizes.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    let largest = *sizes.last().ok_or("no sizes")?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut rows = Vec::new();
    let mut slowest = Vec::new();
    for way in Way::ALL {
        // Its histograms, of 20 kB for each command that is used, are no counter's memory.
        let redis = Redis::start_with(&["--latency-tracking", "no"]);
        rows.extend(runtime.block_on(grow(&redis, way, &sizes))?);
        if way == Way::Exact {
            slowest = runtime.block_on(scripts(&redis, largest))?;
            runtime.block_on(measured(&redis, &rows))?;
        }
    }
    print(&rows)?;
    println!("\nRuns of `count.lua` at {largest} events, microseconds as Redis measured them:");
    for line in slowest {
        println!("- {line}");
    }
    Ok(())
}

/// The counter grows through the sizes.
async fn grow(redis: &Redis, way: Way, sizes: &[u64]) -> Result<Vec<Row>> {
    // Redis needs memory for scripts and buffers, too.
    Counter::new(redis, way).await?.add(0..BATCH).await?;
    redis.command(&["FLUSHALL", "SYNC"]);
    let empty = used_memory(redis)?;
    let mut rows = Vec::new();
    let mut done = 0;
    for events in sizes.iter().copied() {
        let mut counter = Counter::new(redis, way).await?;
        let (start, cpu) = (Instant::now(), used_cpu(redis)?);
        let from = done;
        while done < events {
            counter.add(done..(done + BATCH).min(events)).await?;
            done = (done + BATCH).min(events);
        }
        let new = (events - from) as f64;
        let rate = new / start.elapsed().as_secs_f64();
        let microseconds = 1e6 * (used_cpu(redis)? - cpu) / new;
        let count = counter.count().await?;
        drop(counter);
        let bytes = used_memory(redis)? - empty;
        eprintln!("{}: {events} events, {bytes} bytes, {rate:.0}/s", way.name());
        rows.push(Row { way, events, count, bytes, rate, microseconds });
    }
    Ok(rows)
}

/// A counter of either kind.
struct Counter {
    way: Way,
    store: RedisStore,
    connection: MultiplexedConnection,
}

impl Counter {
    async fn new(redis: &Redis, way: Way) -> Result<Self> {
        let counting = if way == Way::Exact { Counting::Exact } else { Counting::Hll };
        let store = open(redis, counting)?;
        let mut connection = connect(redis).await?;
        redis::Script::new(INTSETS).prepare_invoke().load_async(&mut connection).await?;
        Ok(Self { way, store, connection })
    }

    async fn add(&mut self, uuids: std::ops::Range<u64>) -> Result<()> {
        if matches!(self.way, Way::Exact | Way::Hll) {
            let events = uuids.map(|number| event("e", number)).collect::<Result<_>>()?;
            for outcome in self.store.record(events).await? {
                outcome?;
            }
            return Ok(());
        }
        if self.way == Way::Intsets {
            return intsets(&mut self.connection, uuids).await;
        }
        let mut pipeline = pipe();
        for number in uuids {
            let uuid = uuid(number);
            match self.way {
                Way::Pfadd => pipeline.pfadd("hll", uuid).ignore(),
                Way::Set => pipeline.sadd("set", uuid).ignore(),
                // Lamed's flag is the hexadecimal SHA-1 of counter and uuid: 40 digits.
                _ => {
                    let flag = format!("{}{:08x}", uuid.replace('-', ""), number as u32);
                    let mut set = cmd("SET");
                    set.arg(flag).arg("1").arg("NX").arg("EX").arg(86_400);
                    pipeline.add_command(set).ignore().incr("count", 1).ignore()
                }
            };
        }
        Ok(pipeline.exec_async(&mut self.connection).await?)
    }

    async fn count(&mut self) -> Result<u64> {
        let command = match self.way {
            Way::Exact | Way::Hll => return trials(&self.store).await,
            Way::Intsets => cmd("GET").arg("intsets").take(),
            Way::Pfadd => cmd("PFCOUNT").arg("hll").take(),
            Way::Set => cmd("SCARD").arg("set").take(),
            Way::Lamed => cmd("GET").arg("count").take(),
        };
        Ok(command.query_async(&mut self.connection).await?)
    }
}

const INTSETS: &str = include_str!("intsets.lua");

/// The scheme that ours grew from, with its buckets left at so many marks a bucket on average.
const INTSET: u64 = 400;

/// Counts into intsets: as many uuids a script as ours takes, and all scripts in one round trip.
async fn intsets(
    connection: &mut MultiplexedConnection,
    uuids: std::ops::Range<u64>,
) -> Result<()> {
    const UUIDS_A_SCRIPT: usize = 16;
    let script = redis::Script::new(INTSETS);
    let levels = (0..).take_while(|level| INTSET << (6 * level) <= uuids.end).count() + 1;
    let numbers: Vec<u64> = uuids.collect();
    let mut pipeline = pipe();
    for some in numbers.chunks(UUIDS_A_SCRIPT) {
        let mut call = cmd("EVALSHA");
        call.arg(script.get_hash()).arg(1 + levels * some.len()).arg("intsets");
        let hash = |number: &u64| {
            let mut hasher = SipHasher24::new_with_key(&[7; 16]);
            hasher.write(uuid(*number).as_bytes());
            hasher.finish128().as_u128()
        };
        let hashes: Vec<u128> = some.iter().map(hash).collect();
        for hash in &hashes {
            for level in 0..levels {
                let bucket = (hash >> 64) as u64 & ((1 << (6 * level)) - 1);
                call.arg(format!("intsets:{level}:{bucket:x}"));
            }
        }
        call.arg(levels).arg(INTSET);
        for hash in &hashes {
            call.arg(*hash as i32);
        }
        pipeline.add_command(call).ignore();
    }
    Ok(pipeline.exec_async(connection).await?)
}

/// Bytes that Redis uses. No client is connected then: its buffers are no counter's memory.
fn used_memory(redis: &Redis) -> Result<i64> {
    Ok(information(redis, "memory", "used_memory")? as i64)
}

/// Seconds of CPU that Redis has used: what else this machine does matters little for them.
fn used_cpu(redis: &Redis) -> Result<f64> {
    Ok(information(redis, "cpu", "used_cpu_user")? + information(redis, "cpu", "used_cpu_sys")?)
}

fn information(redis: &Redis, section: &str, name: &str) -> Result<f64> {
    let text = redis.command(&["INFO", section]);
    let mut lines = text.lines().filter_map(|line| line.trim().split_once(':'));
    let (_, value) = lines.find(|(found, _)| *found == name).ok_or("INFO lacks a member")?;
    Ok(value.parse()?)
}

async fn connect(redis: &Redis) -> Result<MultiplexedConnection> {
    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(redis.url())?;
    Ok(client.get_multiplexed_async_connection_with_config(&patient).await?)
}

fn open(redis: &Redis, counting: Counting) -> Result<RedisStore> {
    let config = RedisConfig {
        url: Some(Secret::new(redis.url())),
        response_timeout_ms: 30_000,
        ..RedisConfig::default()
    };
    Ok(RedisStore::new(&config, Limits::default(), counting)?)
}

async fn trials(store: &RedisStore) -> Result<u64> {
    let Event { namespace, experiment, variant, .. } = event("e", 0)?;
    let tallies = store.read(&namespace, Some(&[experiment]), Include::COUNTS).await?;
    Ok(tallies.first().map_or(0, |tally| tally.trials(&variant)))
}

/// A random uuid's text, always the same for a number (SplitMix64, twice).
fn uuid(number: u64) -> String {
    let mix = |seed: u64| {
        let mut mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let bits = u128::from(mix(2 * number)) << 64 | u128::from(mix(2 * number + 1));
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().to_string()
}

fn event(experiment: &str, number: u64) -> Result<Event> {
    Ok(Event {
        namespace: Namespace::default(),
        experiment: Experiment::new(experiment)?,
        variant: Variant::new("red")?,
        goal: Goal::new(Goal::PARTICIPATE)?,
        uuid: Uuid::new(uuid(number))?,
        allocation: None,
        value: None,
        id: None,
    })
}

/// An entry of Redis's slow log: number, moment, microseconds, command, client, client's name.
type LogEntry = (u64, u64, u64, Vec<Vec<u8>>, String, String);

/// How long the script runs once the counter is full: sixteen new uuids, and one, at a time.
async fn scripts(redis: &Redis, full: u64) -> Result<Vec<String>> {
    let store = open(redis, Counting::Exact)?;
    let mut next = full;
    let mut lines = Vec::new();
    for (batch, what) in [(16, "16 new uuids"), (1, "1 new uuid")] {
        redis.command(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
        redis.command(&["CONFIG", "SET", "slowlog-max-len", "100000"]);
        redis.command(&["CONFIG", "RESETSTAT"]);
        redis.command(&["SLOWLOG", "RESET"]);
        for _ in 0..TIMED {
            let events = (next..next + batch).map(|number| event("e", number));
            store.record(events.collect::<Result<_>>()?).await?;
            next += batch;
        }
        let mut connection = connect(redis).await?;
        let log: Vec<LogEntry> =
            cmd("SLOWLOG").arg("GET").arg(-1).query_async(&mut connection).await?;
        let mut times: Vec<u64> = log
            .into_iter()
            .filter(|entry| entry.3.first().is_some_and(|name| name == b"EVALSHA"))
            .map(|entry| entry.2)
            .collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        lines.push(format!(
            "{what}: median {}, 99% within {}, longest {} ({} runs)",
            at(0.5),
            at(0.99),
            at(1.0),
            times.len()
        ));
    }
    Ok(lines)
}

/// What the store itself says of its memory, against what Redis uses.
async fn measured(redis: &Redis, rows: &[Row]) -> Result<()> {
    let store = open(redis, Counting::Exact)?;
    let Event { namespace, experiment, .. } = event("e", 0)?;
    let memory = Include { memory: true, ..Include::COUNTS };
    let tallies = store.read(&namespace, Some(&[experiment]), memory).await?;
    let used = rows.last().map_or(0, |row| row.bytes);
    println!(
        "The store says {:?} bytes, Redis uses {used} more than when empty.\n",
        tallies[0].memory
    );
    Ok(())
}

fn print(rows: &[Row]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let sizes: Vec<u64> =
        rows.iter().filter(|row| row.way == Way::Exact).map(|row| row.events).collect();
    let mut table = |title: &str, cell: &dyn Fn(&Row) -> String| -> Result<()> {
        write!(out, "\n| {title} |")?;
        sizes.iter().try_for_each(|size| write!(out, " {size} |"))?;
        writeln!(out, "\n|---|{}", "---|".repeat(sizes.len()))?;
        for way in Way::ALL {
            write!(out, "| {} |", way.name())?;
            for row in rows.iter().filter(|row| row.way == way) {
                write!(out, " {} |", cell(row))?;
            }
            writeln!(out)?;
        }
        Ok(())
    };
    table("bytes an event", &|row| format!("{:.2}", row.bytes as f64 / row.events as f64))?;
    table("count", &|row| row.count.to_string())?;
    table("events a second", &|row| format!("{:.0}", row.rate))?;
    table("microseconds of Redis's CPU an event", &|row| format!("{:.2}", row.microseconds))?;
    let pfadd = |events| {
        let row = rows.iter().find(|row| row.way == Way::Pfadd && row.events == events);
        row.map_or(1.0, |row| row.rate)
    };
    table("rate, of PFADD's", &|row| format!("{:.2}", row.rate / pfadd(row.events)))
}
