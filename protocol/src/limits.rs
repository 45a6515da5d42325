//! Every number that bounds something, with its reason.

use std::time::Duration;

/// Longest message, in Unicode scalar values: two screens of text. More belongs in a file.
pub const MESSAGE_CHARS: usize = 4_000;
/// Largest frame of a client, and largest body of a request, in bytes. 4,000 characters of four bytes, each escaped at
/// worst, fit.
pub const FRAME_BYTES: usize = 64 * 1024;
/// Sends a second that a user may keep up: faster than anyone types, slower than a script that floods.
pub const SENDS_PER_SECOND: u32 = 10;
/// Sends a user may make at once, for instance when an outbox is emptied after a long cut.
pub const SEND_BURST: u32 = 30;
/// Frames of any kind a second that are read of one connection. Above it nothing is refused; it is read later.
pub const FRAMES_PER_SECOND: u32 = 50;
/// Frames read at once of one connection: a client that comes back asks for each of its conversations.
pub const FRAME_BURST: u32 = 400;
/// New groups and changes to groups a second that a user may keep up.
pub const AMENDMENTS_PER_SECOND: u32 = 2;
/// New groups and changes to groups a user may make at once.
pub const AMENDMENT_BURST: u32 = 40;
/// Longest search, in Unicode scalar values: a sentence.
pub const QUERY_CHARS: usize = 200;
/// Words and phrases in one search. Each is looked up by itself.
pub const QUERY_PARTS: usize = 16;
/// Messages in one page of what was found: a screen or two.
pub const SEARCH_HITS: usize = 20;
/// Searches a second that a user may keep up: faster than anyone reads what was found.
pub const SEARCHES_PER_SECOND: u32 = 2;
/// Searches a user may make at once.
pub const SEARCH_BURST: u32 = 20;
/// Live connections a user may have on a node: a few devices with a few tabs each.
pub const CONNECTIONS_PER_USER: usize = 20;
/// Bytes queued for a connection that reads too slowly before it is closed.
pub const QUEUE_BYTES: usize = 1024 * 1024;
/// Time between the upgrade and the hello.
pub const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Sends one client keeps unacknowledged. Enough to fill a group commit, few enough to bound a resend.
pub const IN_FLIGHT: usize = 16;
/// Sends of one connection that a node takes in before it answers them; whoever sends more is told to wait. Above
/// [`IN_FLIGHT`], so that only clients that do not keep that meet it, and only while the store is slow.
pub const SENDS_IN_HAND: usize = 2 * IN_FLIGHT;
/// Changes in one answer to a fetch: with short messages well below [`FRAME_BYTES`].
pub const FETCH_CHANGES: u64 = 100;
/// People in a group, its owner included. Member lists travel whole.
pub const GROUP_MEMBERS: usize = 256;
/// Most access tokens that one user can have.
pub const ACCESS_TOKENS: u32 = 50;
/// Most people who have left that a conversation's description names.
pub const FORMER_MEMBERS: usize = 256;
/// Longest group or display name, in Unicode scalar values: what a list row can show.
pub const NAME_CHARS: usize = 64;
/// Users whose presence one connection may watch: a screenful of rows and the open group.
pub const WATCHED_USERS: usize = 512;
/// Shortest password, in Unicode scalar values, after NIST SP 800-63B-4 for passwords used with rate limits.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// Longest password, in bytes: bounds the work of hashing.
pub const PASSWORD_MAX_BYTES: usize = 256;

/// How often a client speaks when it has nothing to say. With [`PONG_WITHIN`] and a first delay it must be back within
/// 15 s of a cut that nobody noticed.
pub const PING_EVERY: Duration = Duration::from_secs(8);
/// How long a client hears nothing after a ping before it takes the socket for dead.
pub const PONG_WITHIN: Duration = Duration::from_secs(5);
/// How long a node hears nothing before it sends a WebSocket ping, which browsers answer even in a hidden
/// tab whose timers sleep.
pub const NODE_PING_AFTER: Duration = Duration::from_secs(20);
/// How long a node hears nothing before it takes the socket for dead.
pub const NODE_SILENCE: Duration = Duration::from_secs(45);
