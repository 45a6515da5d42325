//! Noting that a session or token was used: coarsely, in groups, and without anybody waiting.

use super::link::Link;
use crate::store::fault::Fault;
use trunkline_protocol::Millis;

/// A use of a login or an access token.
pub(super) struct Use {
    /// Whether it is an access token.
    pub(super) by_token: bool,
    /// SHA-256 of the secret.
    pub(super) secret: [u8; 32],
    /// When.
    pub(super) at: Millis,
}

/// Notes uses. Later than noted, or nothing. In one order, so that two nodes that note the same do not block each other.
pub(super) async fn note(link: &Link, uses: &[Use]) -> Result<(), Fault> {
    const SESSIONS: &str = "UPDATE sessions s SET last_used = u.at FROM (
            SELECT i.id, max(g.at) AS at FROM unnest($1::bytea[], $2::bigint[]) AS g (secret, at)
            JOIN LATERAL (SELECT id, last_used FROM sessions WHERE token = g.secret ORDER BY id FOR UPDATE SKIP LOCKED)
                AS i ON i.last_used < g.at GROUP BY i.id
        ) u WHERE s.id = u.id";
    const TOKENS: &str = "UPDATE tokens s SET last_used = u.at FROM (
            SELECT i.id, max(g.at) AS at FROM unnest($1::bytea[], $2::bigint[]) AS g (secret, at)
            JOIN LATERAL (SELECT id, last_used FROM tokens WHERE token = g.secret ORDER BY id FOR UPDATE SKIP LOCKED)
                AS i ON coalesce(i.last_used < g.at, true) GROUP BY i.id
        ) u WHERE s.id = u.id";
    for (by_token, sql) in [(false, SESSIONS), (true, TOKENS)] {
        let noted: Vec<&Use> = uses.iter().filter(|used| used.by_token == by_token).collect();
        if noted.is_empty() {
            continue;
        }
        let secrets: Vec<&[u8]> = noted.iter().map(|used| used.secret.as_slice()).collect();
        let times: Vec<Millis> = noted.iter().map(|used| used.at).collect();
        link.query(sql, &[&secrets, &times]).await?;
    }
    Ok(())
}
