//! The pages of a list: `limit` and `cursor`, and the link to the next page (RFC 8288).

use abtest_model::{Experiment, Query, Tally};
use http::header::HeaderValue;

use crate::http::problem::Problem;

/// Most experiments on a page.
const MAX_LIMIT: usize = 10_000;

/// Which part of a list someone asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// Most experiments on the page; all of them without a limit.
    limit: Option<usize>,
    /// The last experiment of the previous page.
    cursor: Option<Experiment>,
}

impl Page {
    /// Reads `limit` and `cursor`.
    pub(crate) fn from_query(query: &Query<'_>) -> Result<Self, Box<Problem>> {
        let limit = query.get("limit")?.map(limit).transpose()?;
        let cursor = query.get("cursor")?.map(Experiment::new).transpose().map_err(|_| {
            let detail = "parameter `cursor` is the name of the last experiment of a page; follow \
                the link in the header `Link`";
            Problem::wrong_parameter("cursor", "cursor", detail)
        })?;
        Ok(Self { limit, cursor })
    }

    /// Whether this is the whole list.
    pub(crate) fn is_whole(&self) -> bool {
        self.limit.is_none() && self.cursor.is_none()
    }

    /// The names on this page, of a list in its order, and the name after which the next page
    /// starts. A list that is sorted by name may have lost the cursor's experiment; in a scope the
    /// cursor must be one of the names.
    pub(crate) fn cut(
        &self,
        tallies: &[Tally],
        is_scope: bool,
    ) -> Result<(Vec<Experiment>, Option<Experiment>), Box<Problem>> {
        let names = || tallies.iter().map(|tally| &tally.experiment);
        let start = match &self.cursor {
            None => 0,
            Some(cursor) if is_scope => {
                let found = names().position(|name| name == cursor);
                1 + found.ok_or_else(|| {
                    let detail = "parameter `cursor` is not one of the experiments in `scope`";
                    Problem::wrong_parameter("cursor", "cursor", detail)
                })?
            }
            Some(cursor) => names().take_while(|name| *name <= cursor).count(),
        };
        let limit = self.limit.unwrap_or(usize::MAX);
        let page: Vec<Experiment> = names().skip(start).take(limit).cloned().collect();
        let more = tallies.len() - start > page.len();
        let next = page.last().filter(|_| more).cloned();
        Ok((page, next))
    }
}

/// The value of the header `Link` for the next page: the same query with another cursor.
pub(crate) fn link(query: &Query<'_>, next: &Experiment) -> Option<HeaderValue> {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(query.pairs().filter(|(name, _)| *name != "cursor"));
    text.append_pair("cursor", next.as_str());
    HeaderValue::from_str(&format!("<?{}>; rel=\"next\"", text.finish())).ok()
}

fn limit(text: &str) -> Result<usize, Box<Problem>> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| {
        let detail = format!("parameter `limit` must be a whole number from 1 to {MAX_LIMIT}");
        Problem::wrong_parameter("limit", "range", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use abtest_model::Counting;

    fn tallies(names: &[&str]) -> Vec<Tally> {
        let tally = |name: &&str| Tally::new(Experiment::new(*name).unwrap(), Counting::Exact);
        names.iter().map(tally).collect()
    }

    fn page(query: &str) -> Result<Page, Box<Problem>> {
        Page::from_query(&Query::parse(query).unwrap())
    }

    fn cut(query: &str, names: &[&str], is_scope: bool) -> (Vec<String>, Option<String>) {
        let (page, next) = page(query).unwrap().cut(&tallies(names), is_scope).unwrap();
        (page.iter().map(ToString::to_string).collect(), next.map(|next| next.to_string()))
    }

    #[test]
    fn pages_follow_each_other_without_gaps_and_repeats() {
        let names = ["a", "b", "c", "d", "e"];
        for limit in 1..7 {
            let mut seen = Vec::new();
            let mut query = format!("limit={limit}");
            loop {
                let (page, next) = cut(&query, &names, false);
                assert!(page.len() <= limit);
                seen.extend(page);
                let Some(next) = next else { break };
                query = format!("limit={limit}&cursor={next}");
            }
            assert_eq!(seen, names);
        }
    }

    #[test]
    fn the_cursors_experiment_may_be_deleted_meanwhile() {
        let (page, next) = cut("limit=2&cursor=b", &["a", "c", "d", "e"], false);
        assert_eq!((page, next), (vec!["c".to_owned(), "d".to_owned()], Some("d".to_owned())));
    }

    #[test]
    fn a_scope_keeps_its_order() {
        let (names, next) = cut("limit=1&cursor=z", &["z", "a", "m"], true);
        assert_eq!((names, next), (vec!["a".to_owned()], Some("a".to_owned())));
        assert!(page("cursor=b").unwrap().cut(&tallies(&["z", "a"]), true).is_err());
    }

    #[test]
    fn a_wrong_limit_is_refused() {
        for query in ["limit=0", "limit=-1", "limit=x", "limit=10001", "limit=", "cursor="] {
            assert!(page(query).is_err(), "{query}");
        }
        assert!(page("").unwrap().is_whole() && !page("limit=1").unwrap().is_whole());
    }

    #[test]
    fn the_link_keeps_the_question() {
        let query = Query::parse("limit=2&namespace=a%26b&cursor=x&method=fixed").unwrap();
        let link = link(&query, &Experiment::new("50% off").unwrap()).unwrap();
        let expected = "<?limit=2&namespace=a%26b&method=fixed&cursor=50%25+off>; rel=\"next\"";
        assert_eq!(link.to_str().unwrap(), expected);
    }
}
