//! `abtest experiments apply`: makes the definitions what files say.

mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use abtest_api::edited::Edited;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use self::files::read;
use super::change::{Change, description, send};
use super::declared::Declared;
use crate::ExitStatus;
use crate::client::{Client, ClientArguments, Target};
use crate::terminal::{confirm, printable};

/// Make the definitions what files say. Shows what would change first, and asks.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest experiments apply experiments/                  show the plan, ask, and apply it
  abtest experiments apply experiments/ --plan --check   in CI: exit with 2 if something would change
  abtest experiments apply experiments/ --prune --yes    also archive what no file names

Each file is the JSON of one definition with its `name`, and its `namespace` if it is not the one of
--namespace. Only members in the file change; all others keep their value.")]
pub(super) struct ApplyArguments {
    #[command(flatten)]
    client: ClientArguments,
    /// JSON files, or folders of them.
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Show what would change, and change nothing.
    #[arg(long)]
    plan: bool,
    /// With --plan: exit with 2 if something would change.
    #[arg(long, requires = "plan")]
    check: bool,
    /// Archive drafts and completed experiments that no file names, in the namespaces of the files.
    /// Running and paused ones stop the plan.
    #[arg(long)]
    prune: bool,
    /// The reason, for the history.
    #[arg(long)]
    why: Option<String>,
    /// Apply the plan without asking.
    #[arg(long, conflicts_with = "plan")]
    yes: bool,
    /// Print the plan, or what was done, as JSON.
    #[arg(long)]
    json: bool,
}

/// One definition that the plan changes.
struct Step {
    namespace: String,
    name: String,
    method: &'static str,
    body: Value,
    condition: (&'static str, String),
    is_archiving: bool,
}

impl Step {
    fn change(&self) -> Change<'_> {
        let condition = self.condition.clone();
        let (method, experiment, body) = (self.method, &*self.name, self.body.clone());
        Change { method, experiment, body, condition, announced: None }
    }

    fn title(&self) -> String {
        let name = printable(&self.name);
        let namespace = printable(&self.namespace);
        match (self.method, self.is_archiving) {
            ("PUT", _) => format!("create {name} in {namespace}"),
            (_, true) => format!("archive {name} in {namespace}"),
            _ => format!("change {name} in {namespace}"),
        }
    }
}

pub(super) fn run(arguments: &ApplyArguments) -> Result<ExitStatus> {
    let declared = read(&arguments.files, &arguments.client.namespace)?;
    let target = arguments.client.server.target()?;
    let steps = steps(&target, declared, arguments)?;
    let planned = send_all(&target, &steps, true)?;
    // Only the server knows which values are equal, because it fills in the defaults.
    let plan: Vec<(Step, Edited)> = steps
        .into_iter()
        .zip(planned)
        .filter(|(_, edited)| edited.created || !edited.changed.is_empty())
        .collect();
    if arguments.plan || !arguments.yes {
        let shown: Vec<Value> = plan.iter().map(|(step, edited)| entry(step, edited)).collect();
        if arguments.json {
            println!(
                "{}",
                serde_json::to_string_pretty(&json!({"applied": false, "plan": shown}))?
            );
        } else {
            show(&plan);
        }
        match (plan.is_empty(), arguments.plan) {
            (true, _) => return Ok(ExitStatus::Done),
            (false, true) if arguments.check => return Ok(ExitStatus::Unconfirmed),
            (false, true) => return Ok(ExitStatus::Done),
            (false, false) if arguments.json => return Ok(ExitStatus::Unconfirmed),
            (false, false) => {}
        }
        let question = format!("Apply {} to {}?", changes(plan.len()), target.address);
        if !confirm(&question, "nothing was changed; add --yes to apply the plan")? {
            return Ok(ExitStatus::Unconfirmed);
        }
    }
    let steps: Vec<Step> = plan.into_iter().map(|(step, _)| step).collect();
    let made = send_all(&target, &steps, false)?;
    if arguments.json {
        let shown: Vec<Value> = steps.iter().zip(&made).map(|(s, e)| entry(s, e)).collect();
        println!("{}", serde_json::to_string_pretty(&json!({"applied": true, "plan": shown}))?);
    } else {
        println!("applied {}", changes(steps.len()));
    }
    Ok(ExitStatus::Done)
}

/// What to send for each file, and for each definition that no file names.
fn steps(
    target: &Target,
    declared: Vec<Declared>,
    arguments: &ApplyArguments,
) -> Result<Vec<Step>> {
    let namespaces: BTreeSet<String> = declared.iter().map(|one| one.namespace.clone()).collect();
    let mut there = BTreeMap::new();
    for namespace in &namespaces {
        for listed in Client::of(target.clone(), namespace).experiments()? {
            if let Some(version) = listed.defined("version").as_u64() {
                let status = listed.defined("status").as_str().unwrap_or_default().to_owned();
                there.insert((namespace.clone(), listed.name().to_owned()), (version, status));
            }
        }
    }
    let mut steps = Vec::with_capacity(declared.len());
    for Declared { namespace, name, body } in declared {
        let existing = there.remove(&(namespace.clone(), name.clone()));
        let (method, condition) = match existing {
            Some((version, _)) => ("PATCH", ("if-match", format!("\"{version}\""))),
            None => ("PUT", ("if-none-match", "*".to_owned())),
        };
        steps.push(Step { namespace, name, method, body, condition, is_archiving: false });
    }
    if arguments.prune {
        for ((namespace, name), (version, status)) in there {
            let body = match &*status {
                "archived" => continue,
                "completed" => json!({"status": "archived", "confirm": true}),
                "draft" => json!({"status": "archived"}),
                _ => bail!(
                    "no file names {}, which is {}; stop it with `abtest experiments stop` before \
                     --prune can archive it",
                    printable(&name),
                    printable(&status)
                ),
            };
            let condition = ("if-match", format!("\"{version}\""));
            let method = "PATCH";
            steps.push(Step { namespace, name, method, body, condition, is_archiving: true });
        }
    }
    if let Some(why) = &arguments.why {
        for step in &mut steps {
            step.body["why"] = why.as_str().into();
        }
    }
    Ok(steps)
}

/// Sends all steps, several at a time. Continues after a failure, and reports how many failed.
fn send_all(target: &Target, steps: &[Step], dry_run: bool) -> Result<Vec<Edited>> {
    const AT_ONCE: usize = 8;
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<Edited>)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(steps.len()) {
            scope.spawn(|| {
                // One client per thread keeps its connection.
                let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(step) = steps.get(index) else { return };
                    let client = clients
                        .entry(&step.namespace)
                        .or_insert_with(|| Client::of(target.clone(), &step.namespace));
                    let result = send(client, &step.change(), dry_run);
                    if let Ok(mut results) = results.lock() {
                        results.push((index, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(index, _)| *index);
    let failed = results.iter().filter(|(_, result)| result.is_err()).count();
    let all = results.into_iter().map(|(index, result)| {
        result.with_context(|| {
            let doing = if dry_run { "cannot be planned" } else { "failed" };
            format!("{failed} of {} {doing}; the first: {}", steps.len(), steps[index].title())
        })
    });
    all.collect()
}

fn entry(step: &Step, edited: &Edited) -> Value {
    json!({
        "namespace": step.namespace, "experiment": step.name, "created": edited.created,
        "archived": step.is_archiving, "changed": edited.changed,
        "disturbances": edited.disturbances, "warnings": edited.warnings,
    })
}

fn show(plan: &[(Step, Edited)]) {
    for (step, edited) in plan {
        println!("{}", step.title());
        if !edited.created {
            print!("{}", description(edited));
        }
        if step.is_archiving && step.body["confirm"] == true {
            println!("  its winner is withdrawn: visitors get your page's own default");
        }
    }
    match plan.len() {
        0 => println!("nothing to change"),
        count => println!("{}", changes(count)),
    }
}

fn changes(count: usize) -> String {
    if count == 1 { "1 change".to_owned() } else { format!("{count} changes") }
}
