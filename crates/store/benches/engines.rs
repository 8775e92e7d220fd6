//! Which key-value library suits the embedded store? fjall against redb under its very workload:
//! commits of a few events, each "was this uuid seen? then remember it and count it", one durable
//! sync a commit. `cargo bench -p abtest-store --bench engines` prints docs/embedded-store.md's
//! table. The entries loaded before: `ENTRIES` (default 0 and 1,000,000).

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use redb::{Durability, ReadableDatabase, ReadableTableMetadata, TableDefinition};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Key = [u8; 20];

const DUPLICATES_PERCENT: u64 = 30;
const TIME: Duration = Duration::from_millis(1_500);

/// What both libraries do for the store.
trait Engine: Sized {
    const NAME: &'static str;
    fn open(path: &Path) -> Result<Self>;
    /// Remembers the keys that are new, in one durable commit; tells how many were.
    fn commit(&self, keys: &[Key]) -> Result<u64>;
    fn entries(&self) -> Result<u64>;
}

struct Redb(redb::Database);

const SEEN: TableDefinition<'_, &[u8], ()> = TableDefinition::new("seen");
const COUNTS: TableDefinition<'_, u32, u64> = TableDefinition::new("counts");

impl Engine for Redb {
    const NAME: &'static str = "redb";

    fn open(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)?;
        Ok(Self(redb::Database::create(path.join("redb"))?))
    }

    fn commit(&self, keys: &[Key]) -> Result<u64> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        let mut new = 0;
        {
            let mut seen = transaction.open_table(SEEN)?;
            for key in keys {
                new += u64::from(seen.insert(&key[..], ())?.is_none());
            }
            let mut counts = transaction.open_table(COUNTS)?;
            counts.insert(0, new)?;
        }
        transaction.commit()?;
        Ok(new)
    }

    fn entries(&self) -> Result<u64> {
        Ok(self.0.begin_read()?.open_table(SEEN)?.len()?)
    }
}

struct Fjall {
    database: Database,
    seen: Keyspace,
    counts: Keyspace,
}

impl Engine for Fjall {
    const NAME: &'static str = "fjall";

    fn open(path: &Path) -> Result<Self> {
        let database = Database::builder(path).open()?;
        let seen = database.keyspace("seen", KeyspaceCreateOptions::default)?;
        let counts = database.keyspace("counts", KeyspaceCreateOptions::default)?;
        Ok(Self { database, seen, counts })
    }

    fn commit(&self, keys: &[Key]) -> Result<u64> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        let mut new = 0_u64;
        for key in keys {
            if !self.seen.contains_key(key)? {
                new += 1;
                batch.insert(&self.seen, *key, []);
            }
        }
        batch.insert(&self.counts, [0], new.to_be_bytes());
        batch.commit()?;
        Ok(new)
    }

    fn entries(&self) -> Result<u64> {
        Ok(self.seen.len()? as u64)
    }
}

/// A stream of uuids in which some come again.
struct Visitors(u64);

impl Visitors {
    fn key(&mut self) -> Key {
        self.0 += 1;
        let again = mix(self.0) % 100 < DUPLICATES_PERCENT;
        let visitor = if again { mix(self.0 ^ 1) % self.0 } else { self.0 };
        let mut key = [0; 20];
        key[4..12].copy_from_slice(&mix(visitor).to_be_bytes());
        key[12..].copy_from_slice(&mix(!visitor).to_be_bytes());
        key
    }
}

/// splitmix64: random enough, and the same for both libraries.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn measure<E: Engine>(entries: u64) -> Result<()> {
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let engine = E::open(folder.path())?;
    let mut visitors = Visitors(0);
    while visitors.0 < entries {
        let keys: Vec<Key> = (0..5_000).map(|_| visitors.key()).collect();
        engine.commit(&keys)?;
    }
    for size in [1, 16, 64] {
        let start = Instant::now();
        let mut commits = 0_u32;
        while start.elapsed() < TIME {
            let keys: Vec<Key> = (0..size).map(|_| visitors.key()).collect();
            black_box(engine.commit(&keys)?);
            commits += 1;
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "| {} | {entries} | {size} | {:.0} | {:.0} |",
            E::NAME,
            seconds / f64::from(commits) * 1e6,
            f64::from(commits * size) / seconds,
        );
    }
    let stored = engine.entries()?;
    drop(engine);
    let start = Instant::now();
    let engine = E::open(folder.path())?;
    let opened = start.elapsed();
    assert_eq!(engine.entries()?, stored);
    drop(engine);
    println!(
        "| {} | {stored} stored | opened in {:.0} ms | {:.0} bytes an entry | |",
        E::NAME,
        opened.as_secs_f64() * 1e3,
        size_of_folder(folder.path())? as f64 / stored as f64,
    );
    Ok(())
}

fn size_of_folder(path: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut size = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        size += if metadata.is_dir() {
            size_of_folder(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(size)
}

fn main() -> Result<()> {
    println!("| library | entries before | events a commit | µs a commit | events a second |");
    println!("|---|---|---|---|---|");
    let entries = match std::env::var("ENTRIES") {
        Ok(entries) => vec![entries.parse()?],
        Err(_) => vec![0, 1_000_000],
    };
    for entries in entries {
        measure::<Redb>(entries)?;
        measure::<Fjall>(entries)?;
    }
    Ok(())
}
