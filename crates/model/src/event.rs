//! An event, and the one validation of it.

mod read;

use self::read::Sent;
use crate::allocations::{AllocationNumber, Stated};
use crate::amount::Amount;
use crate::input::InputError;
use crate::name::{EventId, Experiment, Goal, Namespace, Uuid, Variant};
use crate::query::Query;

/// Most events in one request.
pub const MAX_BATCH_EVENTS: usize = 500;

/// "In this namespace's experiment, the one with this uuid, who saw this variant, took part" or
/// "reached this goal".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The set of experiments that it belongs to.
    pub namespace: Namespace,
    /// The experiment.
    pub experiment: Experiment,
    /// What the visitor saw.
    pub variant: Variant,
    /// What the visitor did; `participate` for taking part.
    pub goal: Goal,
    /// What makes the event count once.
    pub uuid: Uuid,
    /// The allocation of the unit's first exposure, if the client states it.
    pub allocation: Option<Stated>,
    /// What the event adds to the unit's total of the goal.
    pub value: Option<Amount>,
    /// What makes the value add once. Without an id, the uuid has one value.
    pub id: Option<EventId>,
}

impl Event {
    /// Reads Gimel's query string: experiment, variant, event, uuid and optionally namespace,
    /// allocation, value and id.
    /// Other parameters are ignored, as anything may have decorated the address on its way.
    ///
    /// # Errors
    /// The first parameter that breaks a rule.
    pub fn from_query(query: &Query<'_>) -> Result<Self, InputError> {
        Ok(Self {
            experiment: Experiment::new(query.require(Experiment::PARAMETER)?)?,
            variant: Variant::new(query.require(Variant::PARAMETER)?)?,
            goal: Goal::new(query.require(Goal::PARAMETER)?)?,
            uuid: Uuid::new(query.require(Uuid::PARAMETER)?)?,
            namespace: namespace_of(query)?,
            allocation: match query.get(AllocationNumber::PARAMETER)? {
                Some(text) => Some(AllocationNumber::from_text(text)?.into()),
                None => None,
            },
            value: query.get(Amount::PARAMETER)?.map(Amount::from_text).transpose()?,
            id: query.get(EventId::PARAMETER)?.map(EventId::new).transpose()?,
        })
    }
}

/// The namespace that a query string names, or the default one.
///
/// # Errors
/// When it is given and breaks the rule of names.
pub fn namespace_of(query: &Query<'_>) -> Result<Namespace, InputError> {
    match query.get(Namespace::PARAMETER)? {
        Some(namespace) => Namespace::new(namespace),
        None => Ok(Namespace::default()),
    }
}

/// The events of one request, each valid or with the rule that it breaks.
#[derive(Debug)]
pub struct Batch {
    events: Vec<Result<Event, InputError>>,
    was_array: bool,
}

/// Why a body cannot be read as a batch.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Not JSON (RFC 8259).
    #[error("the body is not valid JSON: {0}")]
    InvalidJson(serde_json::Error),
    /// More events than a request may hold.
    #[error("the array holds {count} events; send at most {MAX_BATCH_EVENTS} in one request")]
    TooMany {
        /// Events received.
        count: usize,
    },
}

impl Batch {
    /// Reads one JSON event or an array of up to [`MAX_BATCH_EVENTS`]. A bad event does not spoil
    /// the others.
    ///
    /// # Errors
    /// When the body is not JSON, or the array is too long.
    pub fn from_json(body: &[u8]) -> Result<Self, BatchError> {
        match serde_json::from_slice(body).map_err(BatchError::InvalidJson)? {
            Sent::One(event) => Ok(Self { events: vec![event], was_array: false }),
            Sent::Many { events, count } if count == events.len() => {
                Ok(Self { events, was_array: true })
            }
            Sent::Many { count, .. } => Err(BatchError::TooMany { count }),
        }
    }

    /// The events, in the order in which they were sent.
    pub fn into_events(self) -> Vec<Result<Event, InputError>> {
        self.events
    }

    /// Whether the body was an array, even of one event.
    pub fn was_array(&self) -> bool {
        self.was_array
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENT: &str = r#"{"experiment":"e","variant":"v","event":"participate","uuid":"u"}"#;

    fn only(body: &str) -> Result<Event, InputError> {
        Batch::from_json(body.as_bytes()).unwrap().into_events().pop().unwrap()
    }

    #[test]
    fn a_query_string_and_json_give_the_same_event() {
        let query =
            Query::parse("experiment=e&variant=v&event=participate&uuid=u&utm_source=x").unwrap();
        let event = Event::from_query(&query).unwrap();
        assert_eq!(event, only(EVENT).unwrap());
        assert_eq!(event.namespace.as_str(), "alephbet");
    }

    #[test]
    fn the_first_missing_parameter_is_named() {
        let query = Query::parse("experiment=e&event=g").unwrap();
        let error = Event::from_query(&query).unwrap_err();
        assert_eq!(error, InputError::Missing { parameter: "variant" });
    }

    #[test]
    fn unknown_members_and_wrong_types_are_named() {
        let unknown = EVENT.replace('}', r#","colour":"red"}"#);
        assert_eq!(
            only(&unknown),
            Err(InputError::Unknown { parameter: "colour".into(), length: 6 })
        );
        let number = EVENT.replace(r#""u""#, "5");
        assert_eq!(
            only(&number),
            Err(InputError::NotAString { parameter: "uuid", found: "a number" })
        );
        for (text, found) in [
            ("3", "a number"),
            ("-3.5", "a number"),
            ("true", "a boolean"),
            ("null", "null"),
            (r#""text""#, "a string"),
            (r#"[["nested"]]"#, "an array"),
        ] {
            assert_eq!(only(text), Err(InputError::NotAnObject { found }));
        }
        for (value, found) in
            [("[1]", "an array"), ("{}", "an object"), ("null", "null"), ("false", "a boolean")]
        {
            let wrong = only(&EVENT.replace(r#""v""#, value));
            assert_eq!(wrong, Err(InputError::NotAString { parameter: "variant", found }));
        }
    }

    #[test]
    fn a_value_is_read_from_its_text_and_never_rounded() {
        let with = |members: &str| only(&EVENT.replace('}', &format!(",{members}}}")));
        let number = |members: &str| with(members).map(|event| event.value.unwrap().to_string());
        for (json, text) in [
            ("19.99", "19.99"),
            (r#""19.99""#, "19.99"),
            (r#""\u0031""#, "1"),
            ("-5", "-5"),
            ("99999999999.9999", "99999999999.9999"),
        ] {
            assert_eq!(number(&format!(r#""value":{json}"#)), Ok(text.to_owned()), "{json}");
        }
        let long = "1".repeat(200);
        let tiny = format!("0.{}1", "0".repeat(30));
        for json in
            ["1e308", "1e999", "1e2", "0.00001", r#""NaN""#, "null", "true", "[1]", &long, &tiny]
        {
            assert_eq!(with(&format!(r#""value":{json}"#)), Err(InputError::NotAnAmount), "{json}");
        }
        let twice = with(r#""value":1,"value":1"#);
        assert_eq!(twice, Err(InputError::Repeated { parameter: "value" }));
        assert!(Batch::from_json(EVENT.replace('}', r#","value":NaN}"#).as_bytes()).is_err());
    }

    #[test]
    fn value_and_id_are_the_same_in_a_query_string_and_in_json() {
        let query = "experiment=e&variant=v&event=participate&uuid=u&value=-0.50&id=order+7";
        let event = Event::from_query(&Query::parse(query).unwrap()).unwrap();
        let json = EVENT.replace('}', r#","value":-0.5,"id":"order 7"}"#);
        assert_eq!(event, only(&json).unwrap());
        assert_eq!(event.id.unwrap().as_str(), "order 7");
        let number = only(&EVENT.replace('}', r#","id":7}"#));
        assert_eq!(number, Err(InputError::NotAString { parameter: "id", found: "a number" }));
    }

    #[test]
    fn a_member_that_is_there_twice_is_named() {
        let twice = EVENT.replace('}', r#","uuid":"another"}"#);
        assert_eq!(only(&twice), Err(InputError::Repeated { parameter: "uuid" }));
        let same = EVENT.replace('}', r#","\u0075uid":"u"}"#);
        assert_eq!(only(&same), Err(InputError::Repeated { parameter: "uuid" }));
    }

    #[test]
    fn a_bad_event_does_not_spoil_the_others() {
        let batch = Batch::from_json(format!("[{EVENT}, {{}}, {EVENT}]").as_bytes()).unwrap();
        let good: Vec<bool> = batch.into_events().iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, false, true]);
    }

    #[test]
    fn five_hundred_events_are_a_batch_and_one_more_is_not() {
        let array = |count| format!("[{}]", vec![EVENT; count].join(","));
        assert_eq!(Batch::from_json(array(500).as_bytes()).unwrap().into_events().len(), 500);
        assert!(matches!(
            Batch::from_json(array(501).as_bytes()),
            Err(BatchError::TooMany { count: 501 })
        ));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(body in any::<Vec<u8>>()) {
            let _ = Batch::from_json(&body);
        }

        #[test]
        fn no_query_string_makes_the_parser_panic(query in any::<String>()) {
            let _ = Query::parse(&query).map(|query| Event::from_query(&query));
        }

        #[test]
        fn an_event_written_as_json_reads_the_same(
            names in prop::array::uniform5("[^\\p{Cc}]{1,50}"),
        ) {
            let [experiment, variant, event, uuid, namespace] = names;
            let json = serde_json::json!({"experiment": experiment, "variant": variant,
                "event": event, "uuid": uuid, "namespace": namespace});
            let read = only(&json.to_string()).unwrap();
            prop_assert_eq!(read.experiment.as_str(), experiment);
            prop_assert_eq!(read.variant.as_str(), variant);
            prop_assert_eq!(read.goal.as_str(), event);
            prop_assert_eq!(read.uuid.as_str(), uuid);
            prop_assert_eq!(read.namespace.as_str(), namespace);
        }
    }
}
