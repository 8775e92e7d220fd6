//! `abtest logs`: what the deployed functions logged.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use abtest_wiring::account::Account;
use abtest_wiring::blueprint::Blueprint;
use abtest_wiring::operate::{LogEvent, logs};
use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};

use crate::ExitStatus;
use crate::deployment::{DeploymentArguments, block_on, connect};
use crate::terminal::{dim, printable};

/// How long to wait before asking for new events.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How far back to look for events that CloudWatch Logs delivers late, in milliseconds.
const LATE_EVENTS: i64 = 60_000;

/// Show what the deployed functions logged.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest logs                               the last hour of all functions
  abtest logs --since 2h30m --function abtest-track
  abtest logs --since 2026-11-24T09:00:00Z --json
  abtest logs --follow                      keep printing new lines until Ctrl-C

It needs the permission logs:FilterLogEvents.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    deployment: DeploymentArguments,
    /// Show only this function (default: all functions of the deployment).
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// How far back to start (`10m`, `2h30m`, `3d`), or a time (`2026-11-24T09:00:00Z`).
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = since)]
    since: Timestamp,
    /// Keep printing new lines until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitStatus> {
    block_on(show(arguments))
}

async fn show(arguments: &Arguments) -> Result<ExitStatus> {
    let config = arguments.deployment.config()?;
    let account = connect(&config).await?;
    let blueprint = Blueprint::new(&config, &account.place, None)?;
    let functions = chosen(&blueprint, arguments.function.as_deref())?;
    let mut reader = Reader {
        account,
        functions,
        since: arguments.since.as_millisecond(),
        seen: HashSet::new(),
    };
    let first = reader.next().await?;
    if first.is_empty() && !arguments.json {
        eprintln!("nothing was logged since {}", arguments.since);
    }
    if !print(&first, arguments.json)? || !arguments.follow {
        return Ok(ExitStatus::Done);
    }
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(ExitStatus::Done),
            () = tokio::time::sleep(POLL_INTERVAL) => {}
        }
        if !print(&reader.next().await?, arguments.json)? {
            return Ok(ExitStatus::Done);
        }
    }
}

/// Reads events, each one once.
struct Reader {
    account: Account,
    functions: Vec<String>,
    since: i64,
    seen: HashSet<(String, String)>,
}

impl Reader {
    async fn next(&mut self) -> Result<Vec<LogEvent>> {
        let read = logs(&self.account, &self.functions, self.since).await;
        let mut events = read.context("cannot read the logs")?;
        let id = |event: &LogEvent| (event.function.clone(), event.id.clone());
        let ids: HashSet<_> = events.iter().map(id).collect();
        if let Some(last) = events.last() {
            self.since = self.since.max(last.time - LATE_EVENTS);
        }
        events.retain(|event| !self.seen.contains(&id(event)));
        self.seen = ids;
        Ok(events)
    }
}

/// The functions whose logs are shown.
fn chosen(blueprint: &Blueprint, function: Option<&str>) -> Result<Vec<String>> {
    let all: Vec<String> = blueprint.functions.keys().cloned().collect();
    match function {
        None => Ok(all),
        Some(name) if all.iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
        Some(name) => bail!("the config has no function `{name}`; it has {}", all.join(", ")),
    }
}

/// Prints events. Returns false if the reader has closed the pipe.
fn print(events: &[LogEvent], json: bool) -> Result<bool> {
    let mut out = io::stdout().lock();
    let lines = events.iter().map(|event| if json { as_json(event) } else { as_text(event) });
    let mut written = Ok(());
    for line in lines {
        written = written.and_then(|()| writeln!(out, "{line}"));
    }
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => Ok(written.map(|()| true)?),
    }
}

fn as_text(event: &LogEvent) -> String {
    let head = format!("{} {}", time(event), event.function);
    // A tab separates the parts of Lambda's own lines.
    let message = printable(&event.message.replace('\t', "  "));
    format!("{}  {message}", dim(&head))
}

fn as_json(event: &LogEvent) -> String {
    serde_json::json!({
        "time": time(event),
        "function": event.function,
        "stream": event.stream,
        "message": event.message,
    })
    .to_string()
}

fn time(event: &LogEvent) -> String {
    let time = Timestamp::from_millisecond(event.time);
    time.map_or_else(|_| event.time.to_string(), |time| format!("{time:.3}"))
}

fn since(text: &str) -> Result<Timestamp, String> {
    before(Timestamp::now(), text)
}

/// A time, or a duration before `now`.
fn before(now: Timestamp, text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let wrong =
        || format!("`{text}` is not a duration (10m, 2h30m, 3d) or a time (2026-11-24T09:00:00Z)");
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let duration: SignedDuration = span.to_duration(days).map_err(|_| wrong())?;
    now.checked_sub(duration.abs()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_duration_or_a_time() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let at = |text: &str| before(now, text).unwrap().to_string();
        assert_eq!(at("10m"), "2026-11-24T11:50:00Z");
        assert_eq!(at("2h30m"), "2026-11-24T09:30:00Z");
        assert_eq!(at("3d"), "2026-11-21T12:00:00Z");
        let time = "2026-11-24T09:00:00Z";
        assert_eq!(since(time).unwrap().to_string(), time);
        assert!(since("yesterday").unwrap_err().contains("10m"));
    }

    #[test]
    fn a_line_cannot_move_the_cursor() {
        let event = LogEvent {
            id: "1".into(),
            time: 0,
            function: "abtest-track".into(),
            stream: "s".into(),
            message: "a\tb\u{1b}[2J".into(),
        };
        assert_eq!(as_text(&event), "1970-01-01T00:00:00.000Z abtest-track  a  b\\u{1b}[2J");
    }
}
