//! Regular expressions that mean the same in JavaScript and here.
//!
//! Patterns are written in JavaScript's syntax. What this crate cannot express (look-around, back
//! references) or what differs (inline flags, Unicode classes) is refused; the rest is translated:
//! `\d`, `\w`, `\s` and `\b` are JavaScript's, and `.` excludes JavaScript's line ends.

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
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = false;
    let mut rest = pattern.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => {
                let escaped = rest.next().ok_or("must not end with a backslash")?;
                escape(escaped, in_class, &mut rest, &mut out)?;
            }
            '[' if in_class => out.push_str(r"\["),
            '[' => {
                in_class = true;
                out.push('[');
                if rest.as_str().starts_with('^') {
                    rest.next();
                    out.push('^');
                }
                if rest.as_str().starts_with(']') {
                    return Err("must not contain an empty class: [] or [^]".to_owned());
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(character);
            }
            '.' if !in_class => out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '(' if !in_class && rest.as_str().starts_with('?') => {
                let group = rest.as_str();
                let name = group.starts_with("?<")
                    && !group.starts_with("?<=")
                    && !group.starts_with("?<!");
                if !group.starts_with("?:") && !name {
                    return Err(
                        "must not contain look-around or inline flags: only (?:…) and (?<name>…)"
                            .to_owned(),
                    );
                }
                out.push('(');
            }
            _ => out.push(character),
        }
    }
    Ok(out)
}

fn escape(
    escaped: char,
    in_class: bool,
    rest: &mut std::str::Chars<'_>,
    out: &mut String,
) -> Result<(), String> {
    let class = |out: &mut String, members: &str, negated: bool| match negated {
        true => out.push_str(&format!("[^{members}]")),
        false => out.push_str(&format!("[{members}]")),
    };
    match escaped {
        'd' | 'D' => class(out, "0-9", escaped == 'D'),
        'w' | 'W' => class(out, "0-9A-Za-z_", escaped == 'W'),
        's' | 'S' => class(out, SPACE, escaped == 'S'),
        'b' | 'B' if !in_class => {
            out.push_str(if escaped == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
        }
        't' | 'n' | 'r' | 'f' | 'v' => {
            out.push('\\');
            out.push(escaped);
        }
        'x' | 'u' => {
            let length = if escaped == 'x' { 2 } else { 4 };
            let digits: String = rest.take(length).collect();
            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length);
            let code = code.filter(|code| char::from_u32(*code).is_some());
            let code = code.ok_or(r"must write code points as \xHH or \uHHHH")?;
            out.push_str(&format!(r"\x{{{code:X}}}"));
        }
        '<' | '>' => out.push(escaped),
        c if c.is_ascii_punctuation() => {
            out.push('\\');
            out.push(c);
        }
        ' ' => out.push(' '),
        other => {
            return Err(format!(
                r"must not contain the escape \{other}, whose meaning depends on the language"
            ));
        }
    }
    Ok(())
}

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
            (r"^\/a\-b\<$", "/a-b<", true),
            (r"^\x41\u00e9$", "Aé", true),
            (r"^(?:a|(?<b>c))$", "c", true),
            (r"a$", "a\n", false),
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
            "(?i)a",
            "(?=a)",
            "(?<=a)b",
            r"(a)\1",
            r"\p{L}",
            r"\A",
            "[]",
            "a{2000}{2000}",
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
