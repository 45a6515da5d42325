//! What a device does for its client: it opens and closes sockets, writes, keeps the outbox, and notes what is shown.

use super::{Device, Seen};
use crate::history::Event;
use crate::world::World;
use axum::extract::ws::Message;
use std::sync::Arc;
use trunkline_protocol::ClientFrame;
use trunkline_protocol::client::{Action, Event as Told, Link};

impl Device {
    pub(super) fn carry_out(&mut self, world: &Arc<World>, action: Action) {
        let device = self.number;
        match action {
            Action::Connect(socket) => {
                let line = world.dial(device, socket, self.session, self.token);
                world.history.note(Event::Dialled { device, slot: line.slot });
                self.sockets.insert(socket, line);
            }
            Action::Disconnect(socket) => {
                if let Some(line) = self.sockets.remove(&socket) {
                    world.hang_up(&line);
                }
            }
            Action::Transmit(socket, frame) => {
                let Some(line) = self.sockets.get(&socket) else { return };
                let now = world.schedule.now();
                match &frame {
                    ClientFrame::Hello { .. } => drop(self.hello_at.insert(socket, now)),
                    // Of several questions the earliest, so that an answer is never held against a later one.
                    ClientFrame::Fetch { conversation, .. } => {
                        self.asked_at.entry((socket, *conversation)).or_insert(now);
                    }
                    _ => {}
                }
                let text = serde_json::to_string(&frame).unwrap_or_default();
                world.up(line, Message::Text(text.into()));
            }
            Action::Keep(entry) => drop(self.storage.insert(entry.key, entry)),
            Action::Forget(key) => drop(self.storage.remove(&key)),
            Action::Notify(told) => self.notified(world, told),
        }
    }

    fn notified(&mut self, world: &Arc<World>, told: Told) {
        let device = self.number;
        match told {
            Told::Applied(_, changes) => {
                let Some(epoch) = self.epoch() else { return };
                for change in changes {
                    world.history.note(Event::Shown { device, epoch, change });
                }
            }
            Told::Left(conversation) => {
                self.held.remove(&conversation);
                self.seen.forget(conversation);
                world.history.note(Event::Left { device, conversation });
            }
            Told::Reset => {
                self.held.clear();
                self.seen = Seen::default();
                world.history.note(Event::Reset { device });
            }
            Told::Link => {
                let live = self.client.link() == Link::Live;
                if std::mem::replace(&mut self.live, live) != live {
                    world.history.note(Event::Live { device, live });
                }
            }
            Told::Presence(users) => {
                for presence in users {
                    if self.presence.insert(presence.user, presence.online) != Some(presence.online) {
                        let (user, online) = (presence.user, presence.online);
                        world.history.note(Event::Presence { device, user, online });
                    }
                }
            }
            _ => {}
        }
    }
}
