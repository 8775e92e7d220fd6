//! Paths of the REST API.

use super::WiringError;

/// A path below the stage: `/track`, `/experiments/{experiment}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourcePath(String);

impl ResourcePath {
    /// The path with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The paths above it and itself, the shortest first, without the root.
    pub fn with_parents(&self) -> impl Iterator<Item = Self> {
        let ends = self.0.char_indices().skip(1).filter(|(_, character)| *character == '/');
        let ends = ends.map(|(end, _)| end).chain([self.0.len()]).collect::<Vec<_>>();
        ends.into_iter().map(|end| Self(self.0[..end].to_owned()))
    }

    /// The path above it (`/` for the first part), and its last part.
    pub fn split(&self) -> (&str, &str) {
        match self.0.rsplit_once('/') {
            Some(("", part)) => ("/", part),
            Some((parent, part)) => (parent, part),
            None => ("/", &self.0),
        }
    }

    /// Checks a path. Slashes around it are ignored.
    pub(super) fn new(text: &str) -> Result<Self, WiringError> {
        let parts: Vec<&str> = text.trim_matches('/').split('/').collect();
        if parts.iter().all(|part| is_part(part)) {
            Ok(Self(format!("/{}", parts.join("/"))))
        } else {
            Err(WiringError::Path(text.to_owned()))
        }
    }

    /// The path with the same name for all variable parts. Two paths of one shape cannot both exist.
    pub(super) fn shape(&self) -> String {
        let shape = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.into() };
        self.0.split('/').map(shape).collect::<Vec<_>>().join("/")
    }
}

/// Whether API Gateway accepts the text as one part of a path.
fn is_part(part: &str) -> bool {
    let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')).unwrap_or(part);
    let name = if part.starts_with('{') { name.strip_suffix('+').unwrap_or(name) } else { name };
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:".contains(&byte);
    !name.is_empty() && name.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_knows_its_parents() {
        let path = ResourcePath::new("a/{b}/c").unwrap();
        let all: Vec<String> = path.with_parents().map(|path| path.0).collect();
        assert_eq!(all, ["/a", "/a/{b}", "/a/{b}/c"]);
        assert_eq!(path.split(), ("/a/{b}", "c"));
        assert_eq!(ResourcePath::new("a").unwrap().split(), ("/", "a"));
    }
}
