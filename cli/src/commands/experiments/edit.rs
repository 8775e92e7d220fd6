//! `abtest experiments edit`: changes a definition in a text editor.

use abtest_model::definition::MEMBERS;
use anyhow::{Context, Result, anyhow, bail};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use tempfile::NamedTempFile;

use super::change::{Change, ChangeArguments, definition, make, version};
use super::declared::Declared;
use super::history;
use crate::client::{Client, Refused, experiment_name};
use crate::shell;
use crate::terminal::{ask, is_interactive, printable};
use crate::{ExitStatus, editor};

/// Change the definition of an experiment in your editor: $VISUAL, $EDITOR or vi.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  abtest experiments edit 'button color'
  EDITOR='code --wait' abtest experiments edit 'button color' --why 'the goal was missing'

The text names its JSON Schema, so that editors complete and check members. A member that you remove
gets its default. If the change is refused, the editor opens again, or the text stays in a file. If
somebody else changed the definition meanwhile, you see what changed and can continue on top of it.")]
pub(super) struct EditArguments {
    /// Name of the experiment.
    #[arg(value_parser = experiment_name)]
    name: String,
    #[command(flatten)]
    change: ChangeArguments,
}

pub(super) fn run(arguments: &EditArguments) -> Result<ExitStatus> {
    let target = arguments.change.client.server.target()?;
    let schema = format!("{}/schemas/experiment.json", target.address);
    let client = Client::of(target, &arguments.change.client.namespace);
    let mut session = Session::start(arguments, &client, schema)?;
    match session.run() {
        Ok(ExitStatus::Unconfirmed) => {
            eprintln!("{}", session.keep()?);
            Ok(ExitStatus::Unconfirmed)
        }
        Err(error) if session.text != session.opened => Err(match session.keep() {
            Ok(place) => anyhow!("{error:#}\n{place}"),
            Err(failed) => error.context(failed),
        }),
        ended => ended,
    }
}

/// One edit of one definition.
struct Session<'a> {
    arguments: &'a EditArguments,
    client: &'a Client,
    schema: String,
    /// The definition that the person changes.
    base: Value,
    /// The text that the editor opened.
    opened: String,
    /// What the person made of it.
    text: String,
    /// The text that was refused last.
    refused: String,
    /// Whether the text itself is why it was refused.
    is_wrong: bool,
    file: NamedTempFile,
}

impl<'a> Session<'a> {
    fn start(arguments: &'a EditArguments, client: &'a Client, schema: String) -> Result<Self> {
        let base = definition(client, &arguments.name)?;
        let file = tempfile::Builder::new().prefix("abtest-").suffix(".json").tempfile();
        let file = file.context("cannot create a file for the editor; check TMPDIR")?;
        let [opened, text, refused] = [(); 3].map(|()| String::new());
        let is_wrong = false;
        let mut session =
            Self { arguments, client, schema, base, opened, text, refused, is_wrong, file };
        session.opened = session.document(&written(&session.base))?;
        session.text = session.opened.clone();
        Ok(session)
    }

    /// Opens the editor until the text is accepted, or the person gives up.
    fn run(&mut self) -> Result<ExitStatus> {
        loop {
            if !self.edit()? {
                let name = &self.arguments.name;
                match self.arguments.change.json {
                    true => println!("{}", json!({"experiment": name, "stored": false})),
                    false => println!("nothing was changed; {} stays as it is", printable(name)),
                }
                return Ok(ExitStatus::Done);
            }
            let error = match self.send() {
                Ok(status) => return Ok(status),
                Err(error) => error,
            };
            let refused = error.downcast_ref::<Refused>().map(|refused| refused.status);
            let is_stale = refused == Some(412);
            let is_repeated = self.text == self.refused;
            self.is_wrong = refused.is_some() && !is_stale;
            let rebased = if is_stale { Some(self.rebase()?) } else { None };
            if !is_interactive() || (is_repeated && !is_stale) {
                return Err(error);
            }
            if !is_stale {
                eprintln!("{error:#}");
            }
            if ask("Edit it again? [Y/n] ")?.to_lowercase().starts_with('n') {
                return Err(error);
            }
            match rebased {
                Some((current, text)) => {
                    self.opened = self.document(&written(&current))?;
                    (self.base, self.text) = (current, text);
                }
                None => self.refused = self.text.clone(),
            }
        }
    }

    /// Opens the editor. Tells whether the text differs from the definition.
    fn edit(&mut self) -> Result<bool> {
        std::fs::write(self.file.path(), &self.text).context("cannot write the editor's file")?;
        editor::open(self.file.path())?;
        let text = std::fs::read_to_string(self.file.path());
        self.text = text.context("cannot read the editor's file")?;
        Ok(self.text != self.opened)
    }

    /// Makes the definition what the text says.
    fn send(&self) -> Result<ExitStatus> {
        let change = Change {
            method: "PUT",
            experiment: &self.arguments.name,
            body: self.members()?.into(),
            condition: ("if-match", version(&self.base)),
            announced: None,
        };
        make(self.client, &self.arguments.change, change)
    }

    /// The members in the text.
    fn members(&self) -> Result<Map<String, Value>> {
        let namespace = &self.arguments.change.client.namespace;
        let Declared { namespace: given, name, body } = Declared::parse(&self.text, namespace)?;
        if name != self.arguments.name || given != *namespace {
            bail!(
                "`name` and `namespace` must stay {} and {}; `abtest experiments copy` copies a \
                 definition to another namespace",
                printable(&self.arguments.name),
                printable(namespace)
            );
        }
        Ok(body.as_object().cloned().unwrap_or_default())
    }

    /// Shows what others changed meanwhile. Returns the new definition, and the text with the
    /// changes of both.
    fn rebase(&self) -> Result<(Value, String)> {
        let current = definition(self.client, &self.arguments.name)?;
        let known = self.base["version"].as_u64();
        eprintln!("somebody else changed the definition meanwhile:");
        for change in history::changes(self.client, &self.arguments.name)? {
            if Some(change.version) > known {
                eprint!("{}", history::description(&change));
            }
        }
        let (base, theirs) = (written(&self.base), written(&current));
        let Merged { members, both } = merged(&base, &self.members()?, &theirs);
        if !both.is_empty() {
            eprintln!(
                "you changed these members too; the text has your values: {}",
                both.join(", ")
            );
        }
        let text = self.document(&members)?;
        Ok((current, text))
    }

    /// Keeps the text, and says where, and how to apply it.
    fn keep(self) -> Result<String> {
        let next_step = self.next_step();
        let (_, path) = self.file.keep().context("cannot keep the editor's file")?;
        std::fs::write(&path, &self.text).context("cannot write the editor's file")?;
        let word = shell::word(&path.display().to_string());
        Ok(format!(
            "your text is in {}; {next_step}`abtest experiments apply {word}`",
            path.display()
        ))
    }

    /// What to do before `apply` can apply the text.
    fn next_step(&self) -> String {
        let Ok(members) = self.members() else { return "correct it, then run ".to_owned() };
        let removed: Vec<String> = written(&self.base)
            .into_iter()
            .filter(|(member, _)| !members.contains_key(member))
            .map(|(member, _)| member)
            .collect();
        let correct = if self.is_wrong { "correct it, then run " } else { "to apply it, run " };
        match removed.is_empty() {
            true => correct.to_owned(),
            // `apply` leaves members alone that the file does not have.
            false => format!("set {} to null, and {correct}", removed.join(", ")),
        }
    }

    /// The text for the editor.
    fn document(&self, members: &Map<String, Value>) -> Result<String> {
        let namespace = &self.arguments.change.client.namespace;
        let [schema, name, namespace] =
            [&self.schema, &self.arguments.name, namespace].map(|text| Value::from(text.as_str()));
        let head = [("$schema", &schema), ("name", &name), ("namespace", &namespace)];
        let order = MEMBERS.into_iter().chain(["winner"]);
        let known = order.filter_map(|member| Some((member, members.get(member)?)));
        let is_known = |member: &str| MEMBERS.contains(&member) || member == "winner";
        let others = members.iter().filter(|(member, _)| !is_known(member));
        let others = others.map(|(member, value)| (member.as_str(), value));
        let ordered = Ordered(head.into_iter().chain(known).chain(others).collect());
        Ok(serde_json::to_string_pretty(&ordered)? + "\n")
    }
}

/// The members that a person writes, without those that have no value.
fn written(document: &Value) -> Map<String, Value> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let is_written = |member: &str| MEMBERS.contains(&member) || member == "winner";
    let members = document.as_object().into_iter().flatten();
    let members = members.filter(|(member, value)| is_written(member) && !is_empty(value));
    members.map(|(member, value)| (member.clone(), value.clone())).collect()
}

/// The changes of two people in one document.
struct Merged {
    members: Map<String, Value>,
    /// Members that both changed to different values.
    both: Vec<String>,
}

/// Makes the changes from `base` to `mine` on top of `theirs`. Where both changed a member, `mine`
/// stays.
fn merged(
    base: &Map<String, Value>,
    mine: &Map<String, Value>,
    theirs: &Map<String, Value>,
) -> Merged {
    let mut merged = Merged { members: theirs.clone(), both: Vec::new() };
    let mut members: Vec<&String> = base.keys().chain(mine.keys()).collect();
    members.sort();
    members.dedup();
    for member in members {
        let (before, own, other) = (base.get(member), mine.get(member), theirs.get(member));
        if own == before {
            continue;
        }
        if other != before && other != own {
            merged.both.push(member.clone());
        }
        match own {
            Some(value) => merged.members.insert(member.clone(), value.clone()),
            None => merged.members.remove(member),
        };
    }
    merged
}

/// An object whose members keep their order.
struct Ordered<'a>(Vec<(&'a str, &'a Value)>);

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changes_of_two_people_are_kept_and_their_conflicts_named() {
        let members = |value: Value| value.as_object().unwrap().clone();
        let base = members(json!({"traffic": 10, "owner": "a", "url": "u", "layer": "l"}));
        let mine = members(json!({"traffic": 20, "owner": "b", "layer": "l", "tags": ["x"]}));
        let theirs = members(json!({"traffic": 30, "owner": "b", "url": "u", "control": "c"}));
        let Merged { members: both, both: conflicts } = merged(&base, &mine, &theirs);
        let expected = json!({"traffic": 20, "owner": "b", "tags": ["x"], "control": "c"});
        assert_eq!(Value::from(both), expected);
        assert_eq!(conflicts, ["traffic"]);
    }

    #[test]
    fn only_members_that_a_person_writes_are_edited() {
        let document = json!({"version": 3, "slots": [], "traffic": 5, "tags": [], "url": null,
            "winner": "a", "started": {"at": 1}});
        let shown = written(&document);
        assert_eq!(Value::from(shown), json!({"traffic": 5, "winner": "a"}));
    }
}
