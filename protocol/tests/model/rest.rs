//! What must hold when everything has come to rest.

use super::script::DEVICES;
use super::world::World;
use trunkline_protocol::client::Link;
use trunkline_protocol::client::outbox::EntryState;
use trunkline_protocol::{ErrorCode, Seq};

impl World {
    /// I1, I3, I5, I6, I9, I11 and I17.
    pub(crate) fn check_rest(&self) {
        self.check_store();
        for at in 0..DEVICES {
            self.check_device(at);
            self.check_order(at);
        }
    }

    fn check_store(&self) {
        for (&id, row) in &self.store.rows {
            for (change, seq) in row.log.iter().zip(1..) {
                assert_eq!((change.conversation, change.seq), (id, Seq(seq)), "seqs are dense");
            }
        }
        for &(key, conversation, seq) in &self.acked {
            let there = &self.store.rows[&conversation].log[seq.0 as usize - 1];
            assert_eq!(there.key, Some(key), "an acknowledged message is not where it was said to be");
        }
    }

    fn check_device(&self, at: usize) {
        let (device, user) = (&self.devices[at], self.devices[at].user);
        assert_eq!(device.client.link(), Link::Live, "device {at} is not connected");
        assert!(device.client.is_settled(), "device {at} still waits for an answer");
        for id in self.store.rows.keys() {
            for entry in device.client.outbox(*id) {
                let for_good = matches!(entry.state, EntryState::Failed { code: ErrorCode::NotAMember, .. });
                assert!(for_good, "device {at} has {entry:?} in its outbox");
            }
        }
        let kept: Vec<_> = device.storage.keys().copied().collect();
        let mut failed = self.failed(at);
        failed.sort_unstable();
        assert_eq!(kept, failed, "device {at} keeps what it should not, or the other way round");

        let known: Vec<_> = device.client.replicas().map(|replica| replica.conversation().id).collect();
        assert_eq!(known, self.store.joined(user), "device {at} knows other conversations than its user is in");
        for id in known {
            let replica = device.client.replica(id).expect("just listed");
            let fresh = self.store.describe(user, id);
            assert_eq!(replica.conversation(), &fresh, "device {at}: live state and fresh load differ");
            assert_eq!(replica.applied(), fresh.head, "device {at} has not applied everything of {id}");
            assert!(replica.is_held() || !device.held.contains(&id), "device {at} should hold {id}");
            assert!(device.held.contains(&id) || !device.holds_all, "device {at} was not told of {id}");
            let first = replica.held().first().map_or(fresh.head.next(), |first| first.seq);
            let log = &self.store.rows[&id].log[first.0 as usize - 1..];
            assert!(replica.held().is_empty() || replica.held() == log, "device {at} holds another log of {id}");
            assert!(!replica.is_held() || !replica.held().is_empty() || fresh.head < fresh.since.max(Seq(1)));
            assert!(replica.held().is_empty() || first >= fresh.since, "device {at} holds what is not theirs");
        }
    }

    /// I6: one device's messages were taken in the order in which they were sent. Not those that were refused for
    /// good: if the refusal is lost with the socket, they are sent again, and succeed if their author is back in.
    fn check_order(&self, at: usize) {
        let sent = self.devices[at].sent.iter().filter(|key| !self.refused.contains(key));
        let places: Vec<_> = sent.filter_map(|key| self.store.taken.iter().position(|took| took == key)).collect();
        assert!(places.is_sorted(), "device {at}: messages overtook each other");
    }
}
