//! What comes from Redis, and how its servers are named.

use bytes::Bytes;
use redis::{FromRedisValue, Value};
use trunkline_server::bus::envelope::{Bundle, Envelope};
use trunkline_server::redis::slots::{SLOTS, SlotMap, asked_elsewhere, slot_of};
use trunkline_server::redis::{Endpoint, RedisUrl};

/// An address: what is shown of it has no login in it, and is an address of the same servers.
pub fn url(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    assert!(slot_of(text) < SLOTS);
    match RedisUrl::parse(text) {
        Ok(url) => {
            let shown = url.to_string();
            assert!(shown.starts_with("redis+unix:") || !shown.contains('@'), "{shown}");
            // Names are shown as they are meant, which is another name where it has percent signs in it.
            if !shown.contains(['%', '?']) {
                let again = RedisUrl::parse(&shown).expect("what is shown is an address");
                assert_eq!(again.to_string(), shown);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What a server answers, as it does on the wire: a table of slots, or that a key has gone ahead.
pub fn answer(data: &[u8]) {
    let Ok(value) = redis::parse_redis_value(data) else { return };
    let asked = Endpoint::Tcp { host: "redis.example".into(), port: 6379 };
    if let Some(Endpoint::Tcp { host, port }) = asked_elsewhere(&value, &asked) {
        assert!(!host.is_empty() && port > 0);
    }
    let Ok(answer) = Vec::<Vec<Value>>::from_redis_value(value) else { return };
    let Some(map) = SlotMap::parse(answer, &asked) else { return };
    let servers = map.servers();
    for slot in (0..SLOTS).step_by(97).chain([SLOTS - 1, u16::MAX]) {
        assert!(map.owner(slot).is_none_or(|owner| servers.contains(owner)));
    }
}

/// What comes over the bus: what is understood of it travels on unchanged, alone and in a bundle.
pub fn envelope(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let all: Vec<_> = Envelope::decode_all(&bytes).filter_map(Result::ok).collect();
    let mut bundle = Bundle::default();
    for envelope in &all {
        let alone: Vec<_> = Envelope::decode_all(&envelope.encode()).collect();
        assert_eq!(alone, [Ok(envelope.clone())]);
        bundle.push(envelope);
    }
    let together: Vec<_> = bundle.finish().iter().flat_map(Envelope::decode_all).filter_map(Result::ok).collect();
    assert_eq!(together, all);
}
