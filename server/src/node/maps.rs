//! The maps of the hub: for keys that the node or the store has given out (connections, users, conversations), so that
//! nobody can choose them to collide and no secret hasher is needed. Theirs is several times as fast, and what is
//! gone through one by one has the same order in every run with the same events, so that a simulation can be repeated.
//!
//! Not for what clients may name freely, such as the users that they watch.

/// A map with a fast hasher.
pub(super) type Map<K, V> = rustc_hash::FxHashMap<K, V>;
/// A set with a fast hasher.
pub(super) type Set<K> = rustc_hash::FxHashSet<K>;
