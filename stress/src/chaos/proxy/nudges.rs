//! Dropping or doubling what Redis hands to a node, and nothing else: answers, and the canary by which a node finds out
//! whether it is deaf, pass. So nobody can notice.
//!
//! The stream is cut into its values (RESP2 and RESP3, as far as servers send them), whatever pieces it comes in.

use super::weather::Nudges;

/// The names of what is handed to a subscriber.
const HANDED: [&[u8]; 2] = [b"message", b"smessage"];
/// What a node says to itself.
const CANARY: &[u8] = br#"{"type":"canary""#;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Filter {
    rest: Vec<u8>,
    /// Something came that is no RESP: everything passes from then on.
    blind: bool,
}

impl Filter {
    /// What is to be passed on now of the whole values that came.
    pub(super) fn pass(&mut self, bytes: &[u8], nudges: Nudges) -> Vec<u8> {
        if self.blind {
            return bytes.to_owned();
        }
        self.rest.extend_from_slice(bytes);
        let (mut passed, mut at) = (Vec::new(), 0);
        loop {
            let left = &self.rest[at..];
            match length(left) {
                Length::Known(length) => {
                    let value = &left[..length];
                    let times = match nudges {
                        Nudges::Dropped if is_nudge(value) => 0,
                        Nudges::Doubled if is_nudge(value) => 2,
                        _ => 1,
                    };
                    (0..times).for_each(|_| passed.extend_from_slice(value));
                    at += length;
                }
                Length::NotYet => break,
                Length::Nonsense => {
                    passed.extend_from_slice(left);
                    (self.blind, at) = (true, self.rest.len());
                    break;
                }
            }
        }
        self.rest.drain(..at);
        passed
    }
}

/// How long the first value is.
#[derive(Debug, PartialEq, Eq)]
enum Length {
    Known(usize),
    NotYet,
    Nonsense,
}

fn length(bytes: &[u8]) -> Length {
    let Some(&kind) = bytes.first() else { return Length::NotYet };
    let Some(line) = bytes.windows(2).position(|end| end == b"\r\n") else {
        // No first line is that long.
        return if bytes.len() > 1024 { Length::Nonsense } else { Length::NotYet };
    };
    let head = line + 2;
    let number = || std::str::from_utf8(&bytes[1..line]).ok()?.parse::<i64>().ok();
    let parts = match kind {
        b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => return Length::Known(head),
        b'$' | b'!' | b'=' => {
            let Some(size) = number() else { return Length::Nonsense };
            let whole = usize::try_from(size).map_or(head, |size| head + size + 2);
            return if bytes.len() >= whole { Length::Known(whole) } else { Length::NotYet };
        }
        b'*' | b'>' | b'~' => number(),
        b'%' | b'|' => number().map(|pairs| 2 * pairs),
        _ => None,
    };
    let Some(parts) = parts else { return Length::Nonsense };
    let mut at = head;
    for _ in 0..parts {
        match length(&bytes[at..]) {
            Length::Known(length) => at += length,
            other => return other,
        }
    }
    Length::Known(at)
}

/// Whether this is something that another part of the cluster said.
fn is_nudge(value: &[u8]) -> bool {
    let mut parts = value.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let is_list = parts.next().is_some_and(|head| head.starts_with(b">") || head.starts_with(b"*"));
    let name = parts.nth(1).unwrap_or_default();
    // One byte before it says what kind of envelope it is.
    is_list && HANDED.contains(&name) && !value.windows(CANARY.len()).any(|part| part == CANARY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed(payload: &[u8]) -> Vec<u8> {
        let mut value = b">3\r\n$7\r\nmessage\r\n$3\r\nall\r\n".to_vec();
        value.extend_from_slice(format!("${}\r\n", payload.len()).as_bytes());
        value.extend_from_slice(payload);
        value.extend_from_slice(b"\r\n");
        value
    }

    fn passed(nudges: Nudges, stream: &[u8], step: usize) -> Vec<u8> {
        let mut filter = Filter::default();
        stream.chunks(step).flat_map(|chunk| filter.pass(chunk, nudges)).collect()
    }

    #[test]
    fn nudges_are_dropped_or_doubled_in_whatever_pieces_they_come_and_nothing_else_is() {
        let canary = handed(b"\x02{\"type\":\"canary\",\"node\":\"x\",\"number\":7}");
        let nudge = handed(b"\x01\x00with \r\n and +OK\r\n inside");
        let others: [&[u8]; 4] = [b"+PONG\r\n", b"*2\r\n:1\r\n$-1\r\n", b"%1\r\n+role\r\n$6\r\nmaster\r\n", &canary];
        let stream = [others[0], &nudge, others[1], &nudge, others[2], others[3]].concat();
        for step in [1, 2, 7, stream.len()] {
            assert_eq!(passed(Nudges::All, &stream, step), stream);
            assert_eq!(passed(Nudges::Dropped, &stream, step), others.concat());
            let doubled = [others[0], &nudge, &nudge, others[1], &nudge, &nudge, others[2], others[3]].concat();
            assert_eq!(passed(Nudges::Doubled, &stream, step), doubled);
        }
    }

    #[test]
    fn what_is_no_resp_passes_unchanged() {
        assert_eq!(passed(Nudges::Dropped, b"GET / HTTP/1.1\r\n\r\n", 3), b"GET / HTTP/1.1\r\n\r\n");
        assert_eq!(length(b"$5\r\nab"), Length::NotYet);
        assert_eq!(length(b"*x\r\n"), Length::Nonsense);
    }
}
