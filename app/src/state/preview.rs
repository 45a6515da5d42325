//! The sentence below a conversation's name in the list.

use super::people::People;
use trunkline_protocol::{Conversation, ConversationKind, UserId};

/// Longest preview, in characters: more than any row shows.
const LONGEST: usize = 140;

/// The last message in one line, with who wrote it where that is not plain.
#[must_use]
pub fn preview(conversation: &Conversation, me: UserId, people: &People) -> String {
    let Some((author, text)) =
        conversation.last_message.as_ref().and_then(|last| Some((last.author, last.body.text()?)))
    else {
        return "No messages yet".into();
    };
    let line = one_line(text);
    match (author == me, conversation.kind) {
        (true, _) => format!("You: {line}"),
        (false, ConversationKind::Group) => format!("{}: {line}", first_name(people.name(author))),
        (false, ConversationKind::Direct) => line,
    }
}

/// A text in one line and cut to a row's length.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut room = LONGEST;
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(room));
        room = room.saturating_sub(word.chars().count() + 1);
        if room == 0 {
            break;
        }
    }
    line
}

fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_protocol::{Change, ChangeBody, ConversationId, Seq, User};

    fn conversation(kind: ConversationKind, author: u64, text: &str) -> Conversation {
        let body = ChangeBody::Posted { text: text.into() };
        let author = UserId(author);
        let last = Change { conversation: ConversationId(1), seq: Seq(1), at: 0, author, key: None, body };
        Conversation {
            id: ConversationId(1),
            kind,
            name: None,
            owner: None,
            members: Vec::new(),
            head: Seq(1),
            since: Seq(1),
            unread: 0,
            last_message: Some(last),
            former: Vec::new(),
        }
    }

    #[test]
    fn a_preview_says_who_wrote_where_it_is_not_plain() {
        let mut people = People::default();
        people.learn(&User { id: UserId(2), name: "bo".into(), display_name: "Bo Example".into() });
        let shown = |kind, author| preview(&conversation(kind, author, "two\n lines"), UserId(1), &people);
        assert_eq!(shown(ConversationKind::Direct, 1), "You: two lines");
        assert_eq!(shown(ConversationKind::Direct, 2), "two lines");
        assert_eq!(shown(ConversationKind::Group, 2), "Bo: two lines");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(one_line(&"x".repeat(4_000)).chars().count(), LONGEST);
        assert!(one_line(&"xy ".repeat(4_000)).chars().count() <= LONGEST + 1);
    }
}
