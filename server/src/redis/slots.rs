//! Which server of a Cluster has which names.
//!
//! A name belongs to one of 16,384 slots by its CRC16 (or that of what stands in its first braces), and a slot to one
//! primary: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.

use super::dial::{self, Limits};
use super::{Endpoint, Servers};
use futures_util::future::select_ok;
use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind, Value};
use std::time::Duration;
use tokio::time::timeout;

/// How many slots there are.
pub const SLOTS: u16 = 16_384;
/// What one server may take to answer; then others are asked as well.
const ONE: Duration = Duration::from_millis(200);
/// How many are asked at once.
const AT_ONCE: usize = 3;

/// A slot's number.
pub type Slot = u16;

/// The primaries and their slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotMap {
    /// First and last slot, by slot, without overlap.
    ranges: Vec<(Slot, Slot, Endpoint)>,
}

impl SlotMap {
    /// Who has this slot, if anybody has.
    #[must_use]
    pub fn owner(&self, slot: Slot) -> Option<&Endpoint> {
        let at = self.ranges.partition_point(|(_, last, _)| *last < slot);
        self.ranges.get(at).filter(|(first, ..)| *first <= slot).map(|(.., endpoint)| endpoint)
    }

    /// All that have slots, each once.
    #[must_use]
    pub fn servers(&self) -> Vec<Endpoint> {
        let mut servers: Vec<_> = self.ranges.iter().map(|(.., endpoint)| endpoint.clone()).collect();
        servers.sort();
        servers.dedup();
        servers
    }

    /// Reads the answer to `CLUSTER SLOTS`, in which a server without a name is the one that was asked. `None` for what is
    /// no such answer.
    #[must_use]
    pub fn parse(answer: Vec<Vec<Value>>, asked: &Endpoint) -> Option<Self> {
        let Endpoint::Tcp { host: asked, .. } = asked else { return None };
        let mut ranges = Vec::with_capacity(answer.len());
        for entry in answer {
            let mut entry = entry.into_iter();
            let mut number = || Slot::from_redis_value(entry.next()?).ok();
            let (first, last) = (number()?, number()?);
            let mut primary = Vec::<Value>::from_redis_value(entry.next()?).ok()?.into_iter();
            let host = Option::<String>::from_redis_value(primary.next()?).ok()?;
            let port = u16::from_redis_value(primary.next()?).ok()?;
            let host = host.filter(|host| !host.is_empty() && host != "?").map_or_else(|| asked.clone(), Into::into);
            ranges.push((first, last, Endpoint::Tcp { host, port }));
        }
        ranges.sort();
        Some(Self { ranges })
    }
}

/// Asks those who were known to have slots and those that the setting names, a few at a time; the first answer counts.
/// An old one is noticed by those who act on it.
pub(super) async fn ask(servers: &Servers, known: &[Endpoint], seeds: &[Endpoint]) -> RedisResult<SlotMap> {
    let mut failed = RedisError::from((ErrorKind::ClusterConnectionNotFound, "no server of the Cluster was named"));
    let unknown = seeds.iter().filter(|seed| !known.contains(seed));
    let mut all: Vec<_> = known.iter().chain(unknown).collect();
    if !all.is_empty() {
        // Not always the same first: there may be no time for the others.
        let first = getrandom::u32().unwrap_or(0) as usize % all.len();
        all.rotate_left(first);
    }
    for some in all.chunks(AT_ONCE) {
        let questions = some.iter().map(|&at| {
            Box::pin(async move { timeout(ONE, one(servers, at)).await.unwrap_or_else(|_| Err(dial::too_late())) })
        });
        match select_ok(questions).await {
            Ok((map, _)) => return Ok(map),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn one(servers: &Servers, at: &Endpoint) -> RedisResult<SlotMap> {
    let session = servers.dial(at, Limits { connect: ONE, answer: ONE }, None).await?;
    let mut question = redis::cmd("CLUSTER");
    let answer = question.arg("SLOTS").query_async(&mut session.connection.clone()).await?;
    let map = SlotMap::parse(answer, at).filter(|map| !map.ranges.is_empty());
    map.ok_or_else(|| (ErrorKind::ClusterConnectionNotFound, "the server knows of no slots").into())
}

/// Where the server `at` says a key has gone ahead to, whose slot is moving there (`ASK`). The slot is still `at`'s.
#[must_use]
pub fn asked_elsewhere(answer: &Value, at: &Endpoint) -> Option<Endpoint> {
    let Value::ServerError(error) = answer else { return None };
    if error.kind() != Some(ServerErrorKind::Ask) {
        return None;
    }
    let error = RedisError::from(error.clone());
    let named = error.redirect_node()?.0;
    // A server that does not know its own name has that of the one which was asked.
    match (named.strip_prefix(':').and_then(|port| port.parse().ok()), at) {
        (Some(0), _) => None,
        (Some(port), Endpoint::Tcp { host, .. }) => Some(Endpoint::Tcp { host: host.clone(), port }),
        // One that is named without a port is nowhere.
        _ => Endpoint::parse(named, 0).filter(|named| !matches!(named, Endpoint::Tcp { port: 0, .. })),
    }
}

/// The slot of a key or channel.
#[must_use]
pub fn slot_of(name: &str) -> Slot {
    let tag = name.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(tag.filter(|tag| !tag.is_empty()).unwrap_or(name).as_bytes()) % SLOTS
}

/// CRC-16/XMODEM. Bit by bit: names are short, and what is published is much longer.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8)
            .fold(crc ^ (u16::from(byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Endpoint {
        Endpoint::Tcp { host: host.into(), port }
    }

    #[test]
    fn a_names_slot_is_what_redis_says() {
        // As `CLUSTER KEYSLOT` answers; the first is the check value of the checksum.
        for (name, slot) in [("123456789", 12_739), ("foo", 12_182), ("{foo}:bar", 12_182), ("a{foo}b{bar}", 12_182)] {
            assert_eq!(slot_of(name), slot, "{name}");
        }
        assert_eq!(slot_of("{}foo"), crc16(b"{}foo") % SLOTS, "empty braces mean nothing");
        assert_eq!(slot_of("foo}{bar"), crc16(b"foo}{bar") % SLOTS, "nor do those that do not end");
    }

    #[test]
    fn slots_are_found_by_number_and_gaps_have_no_owner() {
        let server = |host: &str, port: i64| {
            Value::Array(vec![Value::BulkString(host.as_bytes().to_vec()), Value::Int(port), Value::Nil])
        };
        let answer = vec![
            vec![Value::Int(200), Value::Int(300), server("", 2)],
            vec![Value::Int(0), Value::Int(100), server("one", 1), server("replica", 3)],
            vec![Value::Int(101), Value::Int(101), server("one", 1)],
        ];
        let map = SlotMap::parse(answer, &tcp("asked", 9)).expect("slots");
        for (slot, owner) in [(0, "one"), (100, "one"), (101, "one"), (200, "asked"), (300, "asked")] {
            assert_eq!(
                map.owner(slot).map(ToString::to_string),
                Some(format!("{owner}:{}", if owner == "one" { 1 } else { 2 }))
            );
        }
        assert_eq!((map.owner(102), map.owner(301)), (None, None));
        assert_eq!(map.servers(), [tcp("asked", 2), tcp("one", 1)]);
    }

    #[test]
    fn a_key_that_went_ahead_is_asked_for_where_it_is() {
        let asked = tcp("asked", 1);
        let answer = |line: &[u8]| redis::parse_redis_value(line).expect("an answer");
        for (line, there) in [
            (&b"-ASK 3999 other:6381\r\n"[..], Some(tcp("other", 6381))),
            (b"-ASK 3999 ::1:6381\r\n", Some(tcp("::1", 6381))),
            (b"-ASK 3999 :6381\r\n", Some(tcp("asked", 6381))),
            (b"-ASK 3999 other\r\n", None),
            (b"-ASK 3999 :0\r\n", None),
            (b"-MOVED 3999 other:6381\r\n", None),
            (b"+OK\r\n", None),
        ] {
            assert_eq!(asked_elsewhere(&answer(line), &asked), there);
        }
    }
}
