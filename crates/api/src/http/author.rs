//! Who makes a change.

use abtest_model::definition::ChangeRecord;
use http::{HeaderMap, Request, StatusCode};

use crate::http::problem::Problem;

/// The header that names the person or program that makes a change. It is not verified.
pub const ACTOR_HEADER: &str = "x-abtest-actor";

/// Longest value of [`ACTOR_HEADER`], in bytes.
const MAX_ACTOR_BYTES: usize = 200;

/// An extension of requests: the id of the key that a gateway in front checked.
#[derive(Debug, Clone)]
pub struct KeyId(pub String);

/// Who makes a change, for the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Author {
    /// A key's id or role, or `schedule` for the server itself.
    pub(crate) by: String,
    /// The person or program.
    pub(crate) actor: Option<String>,
}

impl Author {
    /// The author of a request whose key was checked.
    pub(crate) fn of<B>(request: &Request<B>) -> Result<Self, Box<Problem>> {
        let by = request.extensions().get::<KeyId>().map_or("edit", |id| id.0.as_str());
        Ok(Self { by: by.to_owned(), actor: actor(request.headers())? })
    }

    /// A record of a change by this author, which does not say yet what changed.
    pub(crate) fn change_record(&self) -> ChangeRecord {
        ChangeRecord { by: self.by.clone(), actor: self.actor.clone(), ..ChangeRecord::default() }
    }
}

fn actor(headers: &HeaderMap) -> Result<Option<String>, Box<Problem>> {
    let Some(value) = headers.get(ACTOR_HEADER) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).ok().map(str::trim);
    match text.filter(|text| text.len() <= MAX_ACTOR_BYTES && !text.contains(char::is_control)) {
        Some(text) => Ok(Some(text.to_owned()).filter(|text| !text.is_empty())),
        None => {
            let detail = format!(
                "the header X-Abtest-Actor must be at most {MAX_ACTOR_BYTES} bytes of UTF-8 \
                 without control characters"
            );
            Err(Problem::boxed(StatusCode::BAD_REQUEST, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_a_key_and_perhaps_a_person() {
        let request = Request::builder().extension(KeyId("k1".to_owned()));
        let request = request.header(ACTOR_HEADER, " Zoë ".as_bytes()).body(()).unwrap();
        let author = Author::of(&request).unwrap();
        assert_eq!(author, Author { by: "k1".to_owned(), actor: Some("Zoë".to_owned()) });
        let author = Author::of(&Request::new(())).unwrap();
        assert_eq!(author, Author { by: "edit".to_owned(), actor: None });
        for wrong in [&b"\xff"[..], &[b'x'; 201]] {
            let request = Request::builder().header(ACTOR_HEADER, wrong).body(()).unwrap();
            assert!(Author::of(&request).is_err());
        }
    }
}
