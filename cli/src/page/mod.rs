//! The page of `dashboard/`, as `abtest serve` and `abtest dashboard` serve it.
//!
//! | module | holds |
//! |---|---|
//! | `files` | the page's files, embedded in the binary |
//! | `session` | the browser's access to the operator's endpoints |
//! | `answer` | answers that are not the API's |

pub(crate) mod answer;
pub(crate) mod files;
mod session;

use abtest_api::AnswerBody;
use abtest_model::Query;
use http::header::{HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, Request, Response, StatusCode};

pub(crate) use session::Sessions;

/// Answers a request for a file of the page. A link with the one-time token opens a session and
/// redirects to the page.
pub(crate) fn answer<B>(request: &Request<B>, sessions: &Sessions) -> Option<Response<AnswerBody>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    match request.uri().path() {
        "/" => {
            let query = Query::parse(request.uri().query().unwrap_or_default()).unwrap_or_default();
            match query.get("token") {
                // HEAD must not use up the token: programs that preview links send it.
                Ok(Some(token)) if request.method() == Method::GET => Some(redeem(sessions, token)),
                _ => files::find("index.html").map(answer::file),
            }
        }
        "/favicon.ico" => Some(answer::text(StatusCode::NO_CONTENT, "")),
        path => files::find(path.strip_prefix('/')?).map(answer::file),
    }
}

fn redeem(sessions: &Sessions, token: &str) -> Response<AnswerBody> {
    let mut response = answer::text(StatusCode::SEE_OTHER, "");
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    if let Some(cookie) = sessions.redeem(token) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Without a session: whether the page should ask for the key (`login`) or for the link (`link`).
pub(crate) fn no_session(login: &str, detail: &str) -> Response<AnswerBody> {
    let body = serde_json::json!({"login": login, "detail": detail});
    answer::with_type(StatusCode::UNAUTHORIZED, "application/json", body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_request_leaves_the_one_time_link_unused() {
        let sessions = Sessions::new(8080, None);
        let send = |method: Method| {
            let uri = format!("/?token={}", sessions.token());
            let request = Request::builder().method(method).uri(uri).body(()).unwrap();
            let answer = answer(&request, &sessions).unwrap();
            (answer.status().as_u16(), answer.headers().contains_key(SET_COOKIE))
        };
        assert_eq!(send(Method::HEAD), (200, false));
        assert_eq!(send(Method::GET), (303, true));
        assert_eq!(send(Method::GET), (303, false), "the link was used");
    }
}
