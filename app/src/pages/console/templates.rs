//! One frame of each kind that a client may send, to start from. They are made from the protocol's own types, so they
//! are always what this version speaks.

use trunkline_protocol::{ClientFrame, ConversationId, Position, SendKey, Seq, UserId};

/// What the frames are called, in the order in which a client comes to need them.
pub const NAMES: [&str; 7] = ["hello", "send", "cursor", "fetch", "typing", "watch", "ping"];

/// The frame of this name; `None` for a name that is not among [`NAMES`].
#[must_use]
pub fn frame(name: &str) -> Option<ClientFrame> {
    let conversation = ConversationId(1);
    Some(match name {
        "hello" => ClientFrame::Hello { epoch: None, position: Position(0), after: None },
        "send" => ClientFrame::Send { key: SendKey::random(), conversation, text: "Hello".to_owned() },
        "cursor" => ClientFrame::Cursor { conversation, delivered: Seq(1), read: Seq(1) },
        "fetch" => ClientFrame::Fetch { conversation, from: Seq(1), to: Seq(50) },
        "typing" => ClientFrame::Typing { conversation },
        "watch" => ClientFrame::Watch { users: vec![UserId(1)] },
        "ping" => ClientFrame::Ping {},
        _ => return None,
    })
}

/// The frame of this name as it goes over the wire; empty for an unknown name.
#[must_use]
pub fn json(name: &str) -> String {
    frame(name).and_then(|frame| serde_json::to_string(&frame).ok()).unwrap_or_default()
}

/// The type of a frame, for the log; "not JSON" or "no type" if it has none.
#[must_use]
pub fn kind_of(text: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Tag {
        r#type: Option<String>,
    }
    match serde_json::from_str::<Tag>(text) {
        Ok(Tag { r#type: Some(kind) }) => kind,
        Ok(Tag { r#type: None }) => "no type".to_owned(),
        Err(_) => "not JSON".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_frame_of_its_name() {
        for name in NAMES {
            assert_eq!(kind_of(&json(name)), name);
            assert!(serde_json::from_str::<ClientFrame>(&json(name)).is_ok_and(|frame| frame != ClientFrame::Unknown));
        }
    }

    #[test]
    fn every_frame_of_a_client_has_a_template() {
        // Exhaustive: a new frame fails to compile here until it is counted.
        let count = |frame: &ClientFrame| match frame {
            ClientFrame::Hello { .. }
            | ClientFrame::Send { .. }
            | ClientFrame::Cursor { .. }
            | ClientFrame::Fetch { .. }
            | ClientFrame::Typing { .. }
            | ClientFrame::Watch { .. }
            | ClientFrame::Ping {} => 1,
            ClientFrame::Unknown => 0,
        };
        assert_eq!(NAMES.iter().filter_map(|name| frame(name)).map(|frame| count(&frame)).sum::<usize>(), 7);
    }

    #[test]
    fn what_has_no_type_is_told_so() {
        assert_eq!(kind_of("{}"), "no type");
        assert_eq!(kind_of("hello"), "not JSON");
    }
}
