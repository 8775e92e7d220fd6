//! The largest answer that the way to the client carries.

/// Bytes of a body as a JSON string, as Lambda sends it. Without a number, every answer is sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AnswerLimit(pub(crate) Option<usize>);

impl AnswerLimit {
    /// Why a JSON body is not sent, if it is too large. The hint says how to get a smaller one.
    pub(crate) fn refusal(self, body: &[u8], hint: &str) -> Option<String> {
        let most = self.0.filter(|most| is_longer(body, *most))?;
        let megabytes = most as f64 / 1e6;
        Some(format!(
            "the answer is larger than {megabytes:.1} MB, which a function can send; {hint}"
        ))
    }
}

/// Whether JSON text is longer than this inside a JSON string: quotes and backslashes take two bytes.
fn is_longer(body: &[u8], most: usize) -> bool {
    let escapes = || body.iter().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    // At worst every byte is escaped.
    body.len().saturating_mul(2) > most && body.len() + escapes() > most
}
