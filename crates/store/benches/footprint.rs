//! How many bytes the embedded store takes per event at several sizes. Every event is new and has
//! a uuid of 36 characters. They come alone, as from a quiet site, or in batches of 500: a commit
//! repeats the counter's state in the journal. `cargo bench --workspace --profile dev --bench footprint`
//! prints the table of docs/embedded-store.md. The environment variable `SIZES` sets the sizes.

use std::error::Error;
use std::fs::Metadata;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use abtest_config::Limits;
use abtest_model::{Event, Experiment, Goal, Namespace, Uuid, Variant};
use abtest_store::embedded::EmbeddedStore;
use abtest_store::{Counters, Include, Recorder};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SIZES: &str = "10000 100000 300000 1000000 3000000";
/// Events in one commit.
const BATCHES: [u64; 2] = [1, 500];
/// Most events that are recorded one by one; more take too long.
const MOST_ALONE: u64 = 100_000;

/// How long nothing may happen before a folder is measured: it does not change, and this process is idle. A
/// compaction of millions of uuids writes nothing for seconds, but it computes.
const QUIET: Duration = Duration::from_secs(5);

/// How much processor time an idle process takes at most meanwhile, in hundredths of a second.
const IDLE: u64 = 15;

fn main() -> Result<()> {
    let sizes = std::env::var("SIZES").unwrap_or_else(|_| SIZES.to_owned());
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| events | per commit | MB | bytes per event | MB after a restart | bytes per event \
         | MB after deleting | MB after a restart |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let sizes: Vec<u64> =
        sizes.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    let cases = BATCHES.iter().flat_map(|batch| sizes.iter().map(|size| (*batch, *size)));
    for (batch, size) in cases.filter(|(batch, size)| *batch > 1 || *size <= MOST_ALONE) {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let store = EmbeddedStore::open(path, Limits::default())?;
        runtime.block_on(fill(&store, size, batch))?;
        let running = settled(path)?;
        drop(store);
        let store = EmbeddedStore::open(path, Limits::default())?;
        let restarted = settled(path)?;
        let Event { namespace, experiment, .. } = event(0)?;
        runtime.block_on(store.delete(&namespace, &experiment))?;
        let deleted = settled(path)?;
        drop(store);
        let _store = EmbeddedStore::open(path, Limits::default())?;
        let emptied = settled(path)?;
        let each = |bytes: u64| bytes as f64 / size as f64;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        writeln!(
            out,
            "| {size} | {batch} | {:.1} | {:.0} | {:.1} | {:.0} | {:.1} | {:.1} |",
            megabytes(running),
            each(running),
            megabytes(restarted),
            each(restarted),
            megabytes(deleted),
            megabytes(emptied),
        )?;
    }
    Ok(())
}

async fn fill(store: &EmbeddedStore, size: u64, batch: u64) -> Result<()> {
    for from in (0..size).step_by(usize::try_from(batch)?) {
        let until = size.min(from + batch);
        let events = (from..until).map(event).collect::<Result<Vec<_>>>()?;
        store.record(events).await?;
    }
    let Event { namespace, variant, .. } = event(0)?;
    let tallies = store.read(&namespace, None, Include::COUNTS).await?;
    if tallies[0].trials(&variant) != size {
        return Err("not every event was counted".into());
    }
    Ok(())
}

fn event(_: u64) -> Result<Event> {
    Ok(Event {
        namespace: Namespace::default(),
        experiment: Experiment::new("button color")?,
        variant: Variant::new("red")?,
        goal: Goal::new(Goal::PARTICIPATE)?,
        uuid: Uuid::new(uuid::Uuid::new_v4().to_string())?,
        allocation: None,
        value: None,
        id: None,
    })
}

/// The bytes that a folder takes on disk, once nothing happens any more. Holes in a file that was
/// allocated ahead take none.
fn settled(folder: &Path) -> Result<u64> {
    loop {
        let (bytes, computed, since) = (on_disk(folder)?, computed()?, Instant::now());
        let mut is_quiet = true;
        while is_quiet && since.elapsed() < QUIET {
            std::thread::sleep(QUIET / 10);
            is_quiet = on_disk(folder)? == bytes && self::computed()? - computed <= IDLE;
        }
        if is_quiet {
            return Ok(bytes);
        }
    }
}

/// The processor time of this process so far, in hundredths of a second (Linux: proc_pid_stat(5)).
fn computed() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/stat")?;
    let (_, numbers) = status.rsplit_once(')').ok_or("/proc/self/stat has another form")?;
    let ticks = numbers.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<std::result::Result<u64, _>>()?)
}

fn on_disk(folder: &Path) -> Result<u64> {
    // A compaction may remove a file or a folder at any moment.
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        bytes += match entry.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            metadata if metadata.as_ref().is_ok_and(Metadata::is_dir) => on_disk(&entry.path())?,
            metadata => metadata?.blocks() * 512,
        };
    }
    Ok(bytes)
}
