//! What callers send.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A message to send: `to` a person or into a `conversation`, exactly one of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"to": "ben", "text": "Good morning!", "key": "3e0c5b0e-4c0a-4c3b-9d2f-8a9e7f6d5c4b"}))]
pub struct SendMessage {
    /// Login name of the person it is for; the direct conversation with them is made if it does not exist.
    #[schema(example = "ben")]
    pub to: Option<String>,
    /// Id of the conversation it is for.
    #[schema(example = 12)]
    pub conversation: Option<u64>,
    /// The text: up to 4,000 characters, not only blanks. Kept exactly as sent.
    #[schema(max_length = 4000, example = "Good morning!")]
    pub text: String,
    /// Any UUID that you make for this message. The same key with the same message is stored once and always gives
    /// the same answer. Without one, the server makes one, and a repetition is another message.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub key: Option<Uuid>,
}

/// What to pull. Everything may be left out, the whole body too.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct PullUnread {
    /// Only from this conversation.
    #[schema(example = 12)]
    pub conversation: Option<u64>,
    /// Changes of each conversation, at most.
    #[schema(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u64>,
}

/// Where to move the caller's cursors; at least one of them. Lower values than before change nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct MoveCursor {
    /// Everything up to this seq was read, which implies that it was received.
    #[schema(example = 41)]
    pub read: Option<u64>,
    /// Everything up to this seq was received.
    #[schema(example = 41)]
    pub delivered: Option<u64>,
}

/// With whom.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpenDirect {
    /// Their login name.
    #[schema(example = "ben")]
    pub to: String,
}

/// A group to make. The caller owns it and is in it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CreateGroup {
    /// What it is called: 1 to 64 characters in one line.
    #[schema(min_length = 1, max_length = 64, example = "Operations")]
    pub name: String,
    /// Login names of the other members; at most 256 people with the caller.
    #[schema(max_items = 256, example = json!(["ben", "cleo"]))]
    pub members: Vec<String>,
}

/// Whom to add.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AddMembers {
    /// Login names. Who is in the group already is left out.
    #[schema(max_items = 256, example = json!(["dan"]))]
    pub add: Vec<String>,
}

/// What to change about a group; at least one of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct AmendGroup {
    /// What it is called from now on: 1 to 64 characters in one line.
    #[schema(min_length = 1, max_length = 64, example = "Night shift")]
    pub name: Option<String>,
    /// Login name of the member who owns it from now on.
    #[schema(example = "ben")]
    pub owner: Option<String>,
}

/// Which part of a log.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// First seq. Without it: the 50 changes that end with `to`.
    #[param(example = 1, maximum = 9_007_199_254_740_991_i64)]
    pub from: Option<u64>,
    /// Last seq. Without it: the head. At most 100 changes are answered, counted from `from`.
    #[param(example = 50, maximum = 9_007_199_254_740_991_i64)]
    pub to: Option<u64>,
}

/// What to search for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchMessages {
    /// Words that all must be there, in any order and any case, with accents or without; the last one may be only
    /// begun. What stands in `"quotation marks"` must be there in that order. Chinese, Japanese, Korean and Thai are
    /// found in the middle of a sentence. Nothing else has a meaning. At most 200 characters and 16 words or phrases.
    #[param(example = "harbour \"at night\"")]
    pub q: String,
    /// Only in this conversation.
    #[param(example = 12)]
    pub conversation: Option<u64>,
    /// The `next` of the page before.
    #[param(example = "1795456302000-12-41")]
    pub before: Option<String>,
}

/// Whom to look for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Part of a login name or shown name, in any case. Without it: everyone.
    #[serde(default)]
    #[param(example = "ann")]
    pub query: String,
}

/// Of whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Names {
    /// Login names with commas between them; at most 100.
    #[param(example = "ann,ben")]
    pub names: String,
}
