//! Sends requests at a fixed rate, whether they are answered or not, and prints how long answers took.
//! usage: `open_loop HOST:PORT CONNECTIONS PER_SECOND SECONDS FILE`, where FILE is one request as it is sent.
//!
//! A request's time counts from the moment when it was due, so a server that stalls is charged for all the
//! requests that it delayed ("coordinated omission", Tene 2013). The timer wakes up to 1 ms late, and this
//! counts, too.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, per_second, seconds, file] = arguments.as_slice() else {
        bail!("usage: open_loop HOST:PORT CONNECTIONS PER_SECOND SECONDS FILE");
    };
    let (connections, per_second): (u32, f64) = (connections.parse()?, per_second.parse()?);
    let requests = (per_second * seconds.parse::<f64>()?) as u32;
    let request: &'static [u8] = std::fs::read(file)?.leak();
    let start = Instant::now() + Duration::from_millis(200);
    let mut senders = Vec::new();
    for first in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let due = (first..requests).step_by(connections as usize);
        let due =
            due.map(move |number| start + Duration::from_secs_f64(f64::from(number) / per_second));
        senders.push(tokio::spawn(send(stream, request, due)));
    }
    let mut times = Vec::new();
    for sender in senders {
        times.extend(sender.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{{\"per_second\": {}, \"p50\": {}, \"p99\": {}, \"p999\": {}}}",
        times.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(0.999)
    );
    Ok(())
}

/// Sends a request whenever one is due. Returns how long after that each answer was there.
async fn send(
    mut stream: TcpStream,
    request: &[u8],
    due: impl Iterator<Item = Instant>,
) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    for due in due {
        sleep_until(due).await;
        stream.write_all(request).await?;
        read_answer(&mut stream, &mut buffer).await?;
        times.push(due.elapsed());
    }
    Ok(times)
}

/// Reads one answer to its end.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the server closed a connection");
        }
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head])?.to_ascii_lowercase();
        let status = text.split(' ').nth(1).context("no status")?;
        if !["200", "304"].contains(&status) {
            bail!("the server answered {status}");
        }
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
        if filled >= head + 4 + length {
            return Ok(());
        }
    }
}
