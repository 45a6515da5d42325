//! What comes to a device: frames, and the ends of its connections.

use super::Device;
use crate::history::Event;
use crate::line::{Line, code_of};
use crate::lock;
use crate::schedule::Moment;
use crate::world::World;
use axum::extract::ws::Message;
use std::sync::Arc;
use trunkline_protocol::client::Socket;
use trunkline_protocol::{ConversationId, Seq, ServerFrame};

impl Device {
    /// Whether a connection is still one of its own.
    fn has(&self, line: &Line) -> bool {
        self.sockets.get(&line.socket).is_some_and(|known| known.number == line.number)
    }

    /// A message has come over one of its connections.
    fn received(&mut self, world: &Arc<World>, line: &Arc<Line>, message: &Message) {
        let now = self.now(world);
        match message {
            Message::Text(text) => {
                let Ok(frame) = serde_json::from_str::<ServerFrame>(text) else { return };
                let ack = if let ServerFrame::Ack { key, conversation, seq, .. } = &frame {
                    Some((*key, *conversation, *seq))
                } else {
                    None
                };
                if let ServerFrame::Refused { key, code, retry_after: None, .. } = &frame {
                    world.history.note(Event::Refused { device: self.number, key: *key, code: *code });
                }
                if let ServerFrame::Cursor { conversation, user, delivered, read, .. } = frame {
                    let device = self.number;
                    world.history.note(Event::Cursor { device, conversation, user, delivered, read });
                }
                let told = contents(&frame);
                let heads = self.heads(line.socket, &frame);
                self.client.received(now, line.socket, frame);
                // Under the epoch that the client believes in once it has taken the frame in.
                if let Some(epoch) = self.epoch() {
                    if let Some((key, conversation, seq)) = ack {
                        world.history.note(Event::Acked { device: self.number, key, conversation, seq, epoch });
                    }
                    for (conversation, seq) in told {
                        if self.told.insert((epoch, conversation, seq)) {
                            world.history.note(Event::Told { device: self.number, epoch, conversation, seq });
                        }
                    }
                    for (asked, conversation, head) in heads {
                        world.history.note(Event::Head { device: self.number, asked, epoch, conversation, head });
                    }
                }
                self.act(world);
            }
            Message::Ping(bytes) => world.up(line, Message::Pong(bytes.clone())),
            Message::Close(close) => self.lost(world, line, code_of(close.as_ref())),
            Message::Binary(_) | Message::Pong(_) => {}
        }
    }

    fn heads(&mut self, socket: Socket, frame: &ServerFrame) -> Vec<(Moment, ConversationId, Seq)> {
        match frame {
            ServerFrame::Welcome { conversations, .. } => {
                let Some(&asked) = self.hello_at.get(&socket) else { return Vec::new() };
                conversations.iter().map(|given| (asked, given.id, given.head)).collect()
            }
            ServerFrame::Range { conversation, head, .. } => {
                let asked = self.asked_at.remove(&(socket, *conversation));
                asked.map(|asked| (asked, *conversation, *head)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// One of its connections is closed.
    fn lost(&mut self, world: &Arc<World>, line: &Arc<Line>, code: Option<u16>) {
        if self.has(line) {
            self.sockets.remove(&line.socket);
            let now = self.now(world);
            self.client.closed(now, line.socket, code);
            self.act(world);
        }
    }
}

/// What a frame has the content of.
fn contents(frame: &ServerFrame) -> Vec<(ConversationId, Seq)> {
    match frame {
        ServerFrame::Change { change } => vec![(change.conversation, change.seq)],
        ServerFrame::Range { conversation, changes, .. } => {
            changes.iter().map(|change| (*conversation, change.seq)).collect()
        }
        ServerFrame::Conversation { conversation } => {
            conversation.last_message.iter().map(|last| (conversation.id, last.seq)).collect()
        }
        ServerFrame::Welcome { conversations, .. } => {
            conversations.iter().flat_map(|given| given.last_message.iter().map(|last| (given.id, last.seq))).collect()
        }
        _ => Vec::new(),
    }
}

impl World {
    /// A device reads what has come, unless it is slow.
    pub fn device_reads(self: &Arc<Self>, line: &Arc<Line>) {
        loop {
            let mut device = lock(&self.devices[line.device]);
            let now = self.schedule.now();
            if device.slow_until > now {
                let (world, line) = (self.clone(), line.clone());
                let wait = device.slow_until - now;
                self.schedule.after(wait, move || world.device_reads(&line));
                return;
            }
            let Some(message) = line.read() else { return };
            match message {
                Some(message) if device.has(line) => device.received(self, line, &message),
                Some(_) => {}
                None => device.lost(self, line, None),
            }
        }
    }

    /// A device finds that a connection is closed.
    pub fn device_loses(self: &Arc<Self>, line: &Arc<Line>, code: Option<u16>) {
        lock(&self.devices[line.device]).lost(self, line, code);
    }

    /// A connection is open.
    pub fn device_opened(self: &Arc<Self>, line: &Arc<Line>) {
        let mut device = lock(&self.devices[line.device]);
        if device.has(line) {
            device.with(self, |client, _| client.opened(line.socket));
        }
    }
}
