//! Which server an envelope is published at. Outside of a Cluster there is one; in a Cluster there is a connection to
//! each server that has slots, and the table of slots says which.

use super::health::Part;
use super::link::Target;
use super::publisher::Lane;
use super::{Channels, Context};
use crate::redis::Endpoint;
use crate::redis::slots::{SlotMap, slot_of};
use bytes::Bytes;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::sleep;
use tracing::{info, warn};
use trunkline_protocol::NodeId;

/// How often the table is read again when nobody doubts it.
const EVERY: Duration = Duration::from_secs(5);
/// How soon, when it could not be read.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// See the module.
#[derive(Debug)]
pub(super) struct Routes {
    channels: Channels,
    // Many publish, and the table changes seldom. Held for a look-up and a push, never across an await.
    lanes: RwLock<Lanes>,
}

#[derive(Debug)]
enum Lanes {
    One(Lane),
    BySlot { map: Option<Arc<SlotMap>>, lanes: HashMap<Endpoint, Lane> },
}

impl Routes {
    /// Everything to the one server.
    pub(super) fn to_one(context: &Context) -> Self {
        let lane = Lane::start(context, Target::Channel(context.channels.all()));
        Self { channels: context.channels.clone(), lanes: RwLock::new(Lanes::One(lane)) }
    }

    /// Nothing to anybody until the slots are known: see [`keep`].
    pub(super) fn to_none(context: &Context) -> Self {
        let lanes = Lanes::BySlot { map: None, lanes: HashMap::new() };
        Self { channels: context.channels.clone(), lanes: RwLock::new(lanes) }
    }

    /// Whether it was taken in.
    pub(super) fn push(&self, to: Option<NodeId>, envelope: Bytes) -> bool {
        match &*self.lanes.read().unwrap_or_else(PoisonError::into_inner) {
            Lanes::One(lane) => lane.push(to, envelope),
            Lanes::BySlot { map, lanes } => {
                let slot = || slot_of(&self.channels.of(to));
                let owner = map.as_ref().and_then(|map| map.owner(slot()));
                owner.and_then(|owner| lanes.get(owner)).is_some_and(|lane| lane.push(to, envelope))
            }
        }
    }

    /// Goes by this table from now on. Connections to servers that keep slots stay.
    fn follow(&self, context: &Context, table: Arc<SlotMap>) {
        let servers = table.servers();
        let mut gone = Vec::new();
        {
            let mut current = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
            let Lanes::BySlot { map, lanes } = &mut *current else { return };
            if map.as_ref() == Some(&table) {
                return;
            }
            // New ones first: while one connects, the bus is not up.
            for server in &servers {
                if !lanes.contains_key(server) {
                    lanes.insert(server.clone(), Lane::start(context, Target::Server(server.clone())));
                }
            }
            gone.extend(lanes.extract_if(|server, _| !servers.contains(server)));
            *map = Some(table);
        }
        info!(bus.servers = servers.len(), "the bus knows which server of the Cluster has which slots");
        drop(gone);
    }
}

/// Reads the table of slots again and again, and at once when somebody doubts it, until it is aborted.
///
/// Without a table nothing can be published: `part` is up while there is one.
pub(super) async fn keep(routes: Arc<Routes>, context: Context, part: Part) {
    let mut told = false;
    loop {
        let mut doubted = pin!(context.servers.doubts().notified());
        // What is doubted while we ask counts too.
        doubted.as_mut().enable();
        let read = context.servers.slots().await;
        let wait = match read {
            Ok(table) => {
                // In this order: whoever sees the bus up and publishes must find a way.
                routes.follow(&context, table);
                part.set(true);
                told = false;
                EVERY
            }
            Err(error) => {
                if !told {
                    warn!(%error, "the bus can not read which server of the Cluster has which slots; it keeps trying");
                }
                told = true;
                part.set(false);
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = doubted => {}
            () = sleep(wait) => {}
        }
    }
}
