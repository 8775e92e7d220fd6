//! Regular expressions that mean the same in JavaScript and here.
//!
//! Patterns are written in JavaScript's syntax with the flag `u`. What this crate cannot express
//! (look-around, back references) or what JavaScript refuses or reads in another way is refused; the
//! rest is translated: `\d`, `\w`, `\s` and `\b` are JavaScript's, and `.` excludes its line ends.

use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// Longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1_000;
/// Largest compiled pattern, in bytes. It bounds `(a{1000}){1000}`.
const MAX_COMPILED_BYTES: usize = 1 << 20;
const MAX_NESTING: u32 = 50;

/// JavaScript's white space and line ends.
const SPACE: &str = r"\t\n\x0B\x0C\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";

/// Compiles a pattern in JavaScript's syntax. Matching takes time linear in the text.
///
/// # Errors
/// A rule as a clause: "must …".
pub(super) fn compile(pattern: &str, ignore_case: bool) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN_BYTES {
        return Err(format!("must be a pattern of at most {MAX_PATTERN_BYTES} bytes"));
    }
    let translated = translate(pattern)?;
    RegexBuilder::new(&translated)
        .case_insensitive(ignore_case)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .nest_limit(MAX_NESTING)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "must be a smaller pattern; use fewer or smaller repetitions".to_owned()
            }
            _ => "must be a regular expression without look-around and back references".to_owned(),
        })
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        rest: pattern.chars(),
        out: String::with_capacity(pattern.len() + 16),
        before: Before::Start,
    };
    while let Some(character) = translator.rest.next() {
        translator.take(character)?;
    }
    Ok(translator.out)
}

struct Translator<'p> {
    rest: Chars<'p>,
    out: String,
    before: Before,
}

/// What stands before the present character. It decides whether a repetition may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The start of the pattern, of a group or of an alternative.
    Start,
    Atom,
    /// `^`, `$`, `\b` or `\B`.
    Assertion,
    Repetition,
    LazyRepetition,
}

impl Translator<'_> {
    fn take(&mut self, character: char) -> Result<(), String> {
        let mut before = Before::Atom;
        match character {
            '\\' => before = self.escape()?,
            '[' => self.class()?,
            ']' | '}' => return Err(format!("must escape a single {character} as \\{character}")),
            '.' => self.out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '(' if self.skip("?:") => {
                self.out.push_str("(?:");
                before = Before::Start;
            }
            '(' if self.rest.as_str().starts_with('?') => {
                let rule = "must not contain look-around, named groups or inline flags: only (?:…)";
                return Err(rule.to_owned());
            }
            '(' | '|' => {
                self.out.push(character);
                before = Before::Start;
            }
            '^' | '$' => {
                self.out.push(character);
                before = Before::Assertion;
            }
            '*' | '+' | '?' | '{' => {
                before = self.repetition(character)?;
            }
            _ => self.out.push(character),
        }
        self.before = before;
        Ok(())
    }

    fn repetition(&mut self, character: char) -> Result<Before, String> {
        self.out.push(character);
        if (character, self.before) == ('?', Before::Repetition) {
            return Ok(Before::LazyRepetition);
        }
        if self.before != Before::Atom {
            return Err(format!("must have something to repeat before {character}"));
        }
        if character == '{' {
            let rule = "must use { for repetitions: {2}, {2,} or {2,5}";
            let (count, _) = self.rest.as_str().split_once('}').ok_or(rule)?;
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let (least, most) = count.split_once(',').unwrap_or((count, ""));
            if !digits(least) || !(most.is_empty() || digits(most)) {
                return Err(rule.to_owned());
            }
            let whole = format!("{count}}}");
            self.out.push_str(&whole);
            self.skip(&whole);
        }
        Ok(Before::Repetition)
    }

    /// An escape outside of a class.
    fn escape(&mut self) -> Result<Before, String> {
        let escaped = self.rest.next().ok_or("must not end with a backslash")?;
        match escaped {
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => self.out.push_str(r"(?-u:\B)"),
            _ => {
                self.common_escape(escaped)?;
                return Ok(Before::Atom);
            }
        }
        Ok(Before::Assertion)
    }

    /// A class, after its opening bracket.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        if self.rest.as_str().starts_with(']') {
            return Err("must not contain an empty class: [] or [^]".to_owned());
        }
        let mut is_first = true;
        while let Some(character) = self.rest.next() {
            let mut set = false;
            if character == '-' && !is_first && self.starts_with_set() {
                return Err(UNESCAPED_DASH.to_owned());
            }
            is_first = false;
            match character {
                ']' => {
                    self.out.push(']');
                    return Ok(());
                }
                '\\' if self.skip("-") => self.out.push_str(r"\-"),
                '\\' => {
                    let escaped = self.rest.next().ok_or("must not end with a backslash")?;
                    self.common_escape(escaped)?;
                    set = matches!(escaped, 'd' | 'D' | 'w' | 'W' | 's' | 'S');
                }
                '[' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(character);
                }
                _ => self.out.push(character),
            }
            let next = self.rest.as_str();
            if next.starts_with("--") || (set && next.starts_with('-') && !next.starts_with("-]")) {
                return Err(UNESCAPED_DASH.to_owned());
            }
        }
        Err("must close each class with ]".to_owned())
    }

    /// An escape that means the same inside and outside of a class.
    fn common_escape(&mut self, escaped: char) -> Result<(), String> {
        let out = &mut self.out;
        match escaped {
            'd' => out.push_str("[0-9]"),
            'D' => out.push_str("[^0-9]"),
            'w' => out.push_str("[0-9A-Za-z_]"),
            'W' => out.push_str("[^0-9A-Za-z_]"),
            's' => out.push_str(&format!("[{SPACE}]")),
            'S' => out.push_str(&format!("[^{SPACE}]")),
            't' | 'n' | 'r' | 'f' | 'v' => out.extend(['\\', escaped]),
            'x' | 'u' => {
                let length = if escaped == 'x' { 2 } else { 4 };
                let digits: String = self.rest.by_ref().take(length).collect();
                let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length);
                let code = code.and_then(char::from_u32).map(u32::from);
                let code = code.ok_or(r"must write code points as \xHH or \uHHHH")?;
                self.out.push_str(&format!(r"\x{{{code:X}}}"));
            }
            '^' | '$' | '\\' | '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|'
            | '/' => {
                out.extend(['\\', escaped]);
            }
            other => {
                return Err(format!(r"must not contain the escape \{other}; it is not needed"));
            }
        }
        Ok(())
    }

    /// Whether a set of characters stands next, such as `\d`.
    fn starts_with_set(&self) -> bool {
        let escaped = self.rest.as_str().strip_prefix('\\');
        escaped.is_some_and(|rest| rest.starts_with(['d', 'D', 'w', 'W', 's', 'S']))
    }

    /// Skips a text that stands next.
    fn skip(&mut self, text: &str) -> bool {
        match self.rest.as_str().strip_prefix(text) {
            Some(rest) => {
                self.rest = rest.chars();
                true
            }
            None => false,
        }
    }
}

const UNESCAPED_DASH: &str = r"must escape - in a class as \- where it is not a range";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_mean_what_they_mean_in_javascript() {
        let cases = [
            (r"^\d$", "٣", false),
            (r"^\w+$", "größe", false),
            (r"^\W$", "ö", true),
            (r"\bb", "öb", true),
            (r"^.$", "\r", false),
            (r"^\s$", "\u{feff}", true),
            (r"^[\d.]+$", "1.5", true),
            (r"^[[a&&b]+$", "[&ab", true),
            (r"^\/a-b[\-<]$", "/a-b<", true),
            (r"^[\w\-]+$", "a-b", true),
            (r"^[a-c]{2,3}?$", "abc", true),
            (r"^\x41\u00e9$", "Aé", true),
            (r"^(?:a|(c))$", "c", true),
            (r"a$", "a\n", false),
            (r"^[-\d]+$", "-1", true),
            (r"^[^-\d]+$", "-", false),
            (r"^[+\-\d]+$", "+-1", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(
                compile(pattern, false).unwrap().is_match(text),
                expected,
                "{pattern} {text:?}"
            );
        }
        assert!(compile("^(mobile|TABLET)$", true).unwrap().is_match("Tablet"));
    }

    #[test]
    fn what_differs_or_explodes_is_refused() {
        let long = "a".repeat(1_001);
        let nested = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        for pattern in [
            r"^[+-\d]+$",
            r"[!-\w]x",
            r"[a-c-\s]",
            "(?i)a",
            "(?=a)",
            "(?<=a)b",
            r"(a)\1",
            r"\p{L}",
            r"\A",
            "[]",
            "(a{900}){900}",
            "a**",
            "a{2}{3}",
            "^*",
            "(*a)",
            "a{,5}",
            "a{",
            "a}",
            "]",
            r"\-",
            r"[\w-a]",
            "[+--]",
            r"\b+",
            "[a",
            "(",
            "[z-a]",
            "*",
            "a\\",
            r"\u12",
            &long,
            &nested,
        ] {
            let rule = compile(pattern, false).unwrap_err();
            assert!(rule.starts_with("must "), "{pattern}: {rule}");
        }
    }

    #[test]
    fn a_pattern_that_hurts_backtracking_engines_takes_linear_time() {
        let bomb = compile(r"^(a+)+$", false).unwrap();
        assert!(!bomb.is_match(&format!("{}!", "a".repeat(60_000))));
    }
}
