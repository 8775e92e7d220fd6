//! From JSON to events in one pass, without a tree of values in between. A tree would also hide a
//! member that is given twice.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use serde_json::value::RawValue;

use super::{Event, MAX_BATCH_EVENTS};
use crate::allocations::{AllocationNumber, Stated};
use crate::amount::Amount;
use crate::input::{InputError, printable};
use crate::name::{EventId, Experiment, Goal, Namespace, Uuid, Variant};

/// A body: one event, or an array of events.
pub(super) enum Sent {
    One(Result<Event, InputError>),
    /// The first [`MAX_BATCH_EVENTS`] elements, and how many elements there are.
    Many {
        events: Vec<Result<Event, InputError>>,
        count: usize,
    },
}

/// One element of the array.
struct Element(Result<Event, InputError>);

/// The value of a member.
enum Member {
    Text(String),
    /// A whole number that is not negative.
    Whole(u64),
    /// Another type of JSON, with its article.
    Other(&'static str),
}

/// The name of a member.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name {
    Namespace,
    Experiment,
    Variant,
    Event,
    Uuid,
    Allocation,
    Value,
    Id,
    Unknown(String),
}

impl Sent {
    fn other(found: &'static str) -> Self {
        Self::One(Err(InputError::NotAnObject { found }))
    }

    fn whole(_: u64) -> Self {
        Self::other("a number")
    }
}

impl Element {
    fn other(found: &'static str) -> Self {
        Self(Err(InputError::NotAnObject { found }))
    }

    fn whole(_: u64) -> Self {
        Self::other("a number")
    }
}

impl Member {
    fn other(found: &'static str) -> Self {
        Self::Other(found)
    }

    fn whole(number: u64) -> Self {
        Self::Whole(number)
    }
}

/// The visits of the types that nothing is read from. Each passes on the type's name.
macro_rules! other_types {
    () => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(<Self::Value>::other("null"))
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(<Self::Value>::other("a boolean"))
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(<Self::Value>::other("a number"))
        }

        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(<Self::Value>::whole(number))
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(<Self::Value>::other("a number"))
        }
    };
}

impl<'de> Deserialize<'de> for Sent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Sent;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an event or an array of events")
            }

            other_types!();

            fn visit_str<E>(self, _: &str) -> Result<Sent, E> {
                Ok(Sent::other("a string"))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Sent, A::Error> {
                event(members).map(Sent::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Sent, A::Error> {
                let mut events = Vec::new();
                while events.len() < MAX_BATCH_EVENTS
                    && let Some(Element(event)) = elements.next_element()?
                {
                    events.push(event);
                }
                let count = events.len() + skip(elements)?;
                Ok(Sent::Many { events, count })
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Element;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an event")
            }

            other_types!();

            fn visit_str<E>(self, _: &str) -> Result<Element, E> {
                Ok(Element::other("a string"))
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Element, A::Error> {
                event(members).map(Element)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Element, A::Error> {
                skip(elements)?;
                Ok(Element::other("an array"))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Member;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            other_types!();

            fn visit_str<E>(self, text: &str) -> Result<Member, E> {
                Ok(Member::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Member, A::Error> {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Member::other("an object"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Member, A::Error> {
                skip(elements)?;
                Ok(Member::other("an array"))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// Reads the rest of an array, and tells how many elements it had.
fn skip<'de, A: SeqAccess<'de>>(mut elements: A) -> Result<usize, A::Error> {
    let mut count = 0;
    while elements.next_element::<IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Reads an object. The outer error is one of the JSON, the inner one a broken rule of events.
fn event<'de, A: MapAccess<'de>>(mut members: A) -> Result<Result<Event, InputError>, A::Error> {
    let mut read = Members::default();
    while let Some(name) = members.next_key()? {
        let (slot, parameter) = match name {
            Name::Namespace => (&mut read.namespace, Namespace::PARAMETER),
            Name::Experiment => (&mut read.experiment, Experiment::PARAMETER),
            Name::Variant => (&mut read.variant, Variant::PARAMETER),
            Name::Event => (&mut read.goal, Goal::PARAMETER),
            Name::Uuid => (&mut read.uuid, Uuid::PARAMETER),
            Name::Allocation => (&mut read.allocation, AllocationNumber::PARAMETER),
            Name::Id => (&mut read.id, EventId::PARAMETER),
            Name::Value => {
                // The number as it is written: a float would change it.
                if read.value.replace(members.next_value::<Box<RawValue>>()?).is_some() {
                    read.repeated.get_or_insert(Amount::PARAMETER);
                }
                continue;
            }
            Name::Unknown(name) => {
                members.next_value::<IgnoredAny>()?;
                read.unknown.get_or_insert(name);
                continue;
            }
        };
        if slot.replace(members.next_value()?).is_some() {
            read.repeated.get_or_insert(parameter);
        }
    }
    Ok(read.into_event())
}

/// The members of an object, before the rules of events are checked.
#[derive(Default)]
struct Members {
    namespace: Option<Member>,
    experiment: Option<Member>,
    variant: Option<Member>,
    goal: Option<Member>,
    uuid: Option<Member>,
    allocation: Option<Member>,
    value: Option<Box<RawValue>>,
    id: Option<Member>,
    /// The first unknown one.
    unknown: Option<String>,
    /// The first one that is given again.
    repeated: Option<&'static str>,
}

impl Members {
    fn into_event(self) -> Result<Event, InputError> {
        if let Some(parameter) = self.repeated {
            return Err(InputError::Repeated { parameter });
        }
        let event = Event {
            namespace: match text(self.namespace, Namespace::PARAMETER)? {
                Some(namespace) => Namespace::new(namespace)?,
                None => Namespace::default(),
            },
            experiment: Experiment::new(required(self.experiment, Experiment::PARAMETER)?)?,
            variant: Variant::new(required(self.variant, Variant::PARAMETER)?)?,
            goal: Goal::new(required(self.goal, Goal::PARAMETER)?)?,
            uuid: Uuid::new(required(self.uuid, Uuid::PARAMETER)?)?,
            allocation: self.allocation.map(allocation).transpose()?,
            value: self.value.as_deref().map(value).transpose()?,
            id: text(self.id, EventId::PARAMETER)?.map(EventId::new).transpose()?,
        };
        match self.unknown {
            Some(name) => {
                Err(InputError::Unknown { parameter: printable(&name), length: name.len() })
            }
            None => Ok(event),
        }
    }
}

fn required(member: Option<Member>, parameter: &'static str) -> Result<String, InputError> {
    text(member, parameter)?.ok_or(InputError::Missing { parameter })
}

fn text(member: Option<Member>, parameter: &'static str) -> Result<Option<String>, InputError> {
    match member {
        Some(Member::Text(text)) => Ok(Some(text)),
        Some(Member::Whole(_)) => Err(InputError::NotAString { parameter, found: "a number" }),
        Some(Member::Other(found)) => Err(InputError::NotAString { parameter, found }),
        None => Ok(None),
    }
}

fn allocation(member: Member) -> Result<Stated, InputError> {
    match member {
        Member::Whole(number) => AllocationNumber::from_number(number).map(Stated::from),
        Member::Text(_) | Member::Other(_) => Err(InputError::NotAnAllocation),
    }
}

/// Reads a number, or a string that has one.
fn value(json: &RawValue) -> Result<Amount, InputError> {
    let json = json.get();
    if !json.starts_with('"') {
        return Amount::from_text(json);
    }
    let text = serde_json::from_str::<String>(json).map_err(|_| InputError::NotAnAmount)?;
    Amount::from_text(&text)
}
