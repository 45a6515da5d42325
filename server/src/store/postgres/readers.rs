//! The readers: a few connections, and one of its own that searches. Each read is one statement, and so sees the database
//! as it was at one moment.

use super::history::Opened;
use super::link::Link;
use super::session::Role;
use super::settings::Settings;
use crate::store::Durability;
use crate::store::fault::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

/// Connections that read: enough that a long welcome does not hold up a short one. Each is a process of the server's, and
/// there are many nodes.
const READERS: usize = 3;

/// See the module.
pub(super) struct Readers {
    links: Vec<Link>,
    next: AtomicUsize,
    searcher: Link,
}

impl Readers {
    /// Starts them all.
    pub(super) fn start(settings: &Arc<Settings>, opened: &Arc<Opened>, durability: Durability) -> Self {
        let link = |role| Link::start(settings.clone(), opened.clone(), role, durability);
        let links = (0..READERS).map(|_| link(Role::Reader)).collect();
        Self { links, next: AtomicUsize::new(0), searcher: link(Role::Searcher) }
    }

    /// Runs one statement on whichever is free, or waits with one of them.
    pub(super) async fn query(&self, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let turns = (0..READERS).map(|turn| &self.links[(first.wrapping_add(turn)) % READERS]);
        let link = turns.clone().find(|link| link.is_free()).unwrap_or(&self.links[first % READERS]);
        link.query(sql, params).await
    }

    /// Runs one statement that searches.
    pub(super) async fn search(&self, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
        self.searcher.query(sql, params).await
    }
}
