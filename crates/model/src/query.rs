//! A query string, strictly decoded: `application/x-www-form-urlencoded` as browsers write it
//! (URL standard, section 5), but where the standard lets malformed input pass, this refuses.

use std::borrow::Cow;

use percent_encoding::percent_decode;

use crate::input::{InputError, printable};

/// The decoded parameters of a query string, in their order.
///
/// ```
/// use abtest_model::Query;
///
/// let query = Query::parse("experiment=50%25+off&variant=red")?;
/// assert_eq!(query.get("experiment")?, Some("50% off"));
/// assert_eq!(query.get("event")?, None);
/// # Ok::<(), abtest_model::InputError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Query<'a> {
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Decodes a query string, given without its `?`. `+` is a space.
    ///
    /// # Errors
    /// On a `%` without two hexadecimal digits, and on bytes that are not UTF-8.
    pub fn parse(query: &'a str) -> Result<Self, InputError> {
        let mut parameters = Vec::with_capacity(5);
        let mut offset = 0;
        for pair in query.split('&') {
            if !pair.is_empty() {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let value_offset = offset + name.len() + 1;
                let name = decode(name, offset, "(a parameter's name)")?;
                let value = decode(value, value_offset, &name)?;
                parameters.push((name, value));
            }
            offset += pair.len() + 1;
        }
        Ok(Self { parameters })
    }

    /// The value of a parameter, if it is there.
    ///
    /// # Errors
    /// When it is there more than once.
    pub fn get(&self, parameter: &'static str) -> Result<Option<&str>, InputError> {
        let mut values = self.parameters.iter().filter(|(name, _)| name == parameter);
        let value = values.next().map(|(_, value)| &**value);
        match values.next() {
            Some(_) => Err(InputError::Repeated { parameter }),
            None => Ok(value),
        }
    }

    /// The value of a parameter that is `true` or `false`; `false` if it is absent.
    ///
    /// # Errors
    /// When it has another value, or is there more than once.
    pub fn flag(&self, parameter: &'static str) -> Result<bool, InputError> {
        match self.get(parameter)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(InputError::NotABoolean { parameter, length: other.len() }),
        }
    }

    /// Checks that every parameter is one of `known`, so that a misspelt one is not ignored. A `*` at
    /// the end of a known one stands for any text.
    ///
    /// # Errors
    /// The first parameter that is not known.
    pub fn check_known(&self, known: &'static [&'static str]) -> Result<(), InputError> {
        let is_known = |name: &str| {
            known.iter().any(|known| match known.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == *known,
            })
        };
        match self.parameters.iter().find(|(name, _)| !is_known(name)) {
            Some((name, _)) => Err(InputError::UnknownParameter {
                parameter: printable(name),
                length: name.len(),
                known,
            }),
            None => Ok(()),
        }
    }

    /// All parameters, decoded, in their order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// When it is absent or there more than once.
    pub fn require(&self, parameter: &'static str) -> Result<&str, InputError> {
        self.get(parameter)?.ok_or(InputError::Missing { parameter })
    }
}

/// Decodes one segment of a URL's path, in which `+` is a plus.
///
/// # Errors
/// On a `%` without two hexadecimal digits, and on bytes that are not UTF-8.
pub fn decode_path_segment<'a>(
    segment: &'a str,
    parameter: &'static str,
) -> Result<Cow<'a, str>, InputError> {
    check_percents(segment, 0)?;
    utf8(percent_decode(segment.as_bytes()).into(), parameter)
}

fn decode<'a>(text: &'a str, offset: usize, parameter: &str) -> Result<Cow<'a, str>, InputError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    check_percents(text, offset)?;
    let spaced = text.replace('+', " ");
    let decoded: Cow<'_, [u8]> = percent_decode(spaced.as_bytes()).into();
    utf8(Cow::Owned(decoded.into_owned()), parameter)
}

fn check_percents(text: &str, offset: usize) -> Result<(), InputError> {
    let bytes = text.as_bytes();
    let malformed = bytes.iter().enumerate().find(|(position, byte)| {
        **byte == b'%'
            && !bytes
                .get(position + 1..position + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    match malformed {
        Some((position, _)) => Err(InputError::MalformedPercent { position: offset + position }),
        None => Ok(()),
    }
}

fn utf8<'a>(bytes: Cow<'a, [u8]>, parameter: &str) -> Result<Cow<'a, str>, InputError> {
    let error = |length| InputError::NotUtf8 { parameter: printable(parameter), length };
    match bytes {
        Cow::Borrowed(bytes) => {
            std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| error(bytes.len()))
        }
        Cow::Owned(bytes) => String::from_utf8(bytes)
            .map(Cow::Owned)
            .map_err(|failure| error(failure.as_bytes().len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_browser_encodes_comes_back() {
        let query = Query::parse("a=%C3%A9+%2B%25%26%3D&b=&c&&d=1=2").unwrap();
        assert_eq!(query.get("a").unwrap(), Some("é +%&="));
        assert_eq!(query.get("b").unwrap(), Some(""));
        assert_eq!(query.get("c").unwrap(), Some(""));
        assert_eq!(query.get("d").unwrap(), Some("1=2"));
    }

    #[test]
    fn malformed_percent_encoding_is_refused_with_its_place() {
        for (query, position) in
            [("a=%", 2), ("a=1&b=%4", 6), ("a=%zz", 2), ("%=1", 0), ("a=%é", 2)]
        {
            assert_eq!(
                Query::parse(query).unwrap_err(),
                InputError::MalformedPercent { position },
                "{query}"
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused_with_the_parameter_and_length() {
        assert_eq!(
            Query::parse("uuid=ab%FF").unwrap_err(),
            InputError::NotUtf8 { parameter: "uuid".into(), length: 3 }
        );
    }

    #[test]
    fn a_parameter_given_twice_is_refused() {
        let query = Query::parse("uuid=1&uuid=2").unwrap();
        assert_eq!(query.get("uuid"), Err(InputError::Repeated { parameter: "uuid" }));
    }

    #[test]
    fn a_misspelt_parameter_is_named_with_those_that_there_are() {
        let query = Query::parse("namespce=shop&uuid=1").unwrap();
        assert_eq!(query.check_known(&["namespce", "uuid"]), Ok(()));
        let error = query.check_known(&["namespace", "uuid"]).unwrap_err();
        assert_eq!((error.parameter(), error.rule()), (Some("namespce"), "known-parameter"));
        assert!(error.to_string().contains("namespace, uuid"), "{error}");
        let error = query.check_known(&[]).unwrap_err();
        assert!(error.to_string().contains("takes no parameters"), "{error}");
    }

    #[test]
    fn a_flag_is_true_or_false_and_nothing_else() {
        let query = Query::parse("a=true&b=false&c=1&d=").unwrap();
        assert_eq!(
            (query.flag("a"), query.flag("b"), query.flag("x")),
            (Ok(true), Ok(false), Ok(false))
        );
        for wrong in ["c", "d"] {
            assert_eq!(query.flag(wrong).unwrap_err().rule(), "boolean", "{wrong}");
        }
    }

    #[test]
    fn a_plus_in_a_path_is_a_plus() {
        assert_eq!(decode_path_segment("a+b%2Fc", "experiment").unwrap(), "a+b/c");
    }

    proptest! {
        #[test]
        fn any_text_survives_the_way_through_a_query_string(text in any::<String>()) {
            let encoded =
                percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
            let encoded = format!("x={}", encoded.to_string().replace("%20", "+"));
            let query = Query::parse(&encoded).unwrap();
            prop_assert_eq!(query.get("x").unwrap(), Some(&*text));
        }
    }
}
