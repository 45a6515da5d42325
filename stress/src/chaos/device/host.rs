//! The host of a device's state machine: sockets and clock.

use super::socket::{self, Heard, Told};
use super::{Owner, Shared};
use crate::chaos::history::Acked;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use trunkline_protocol::client::{Action, Socket};
use trunkline_protocol::{ClientFrame, ServerFrame};

/// A socket, open or being opened. It ends with this.
struct Open {
    /// Of which load of the page it is.
    load: u32,
    socket: Socket,
    /// Unbounded: the machine has at most [`trunkline_protocol::limits::IN_FLIGHT`] sends on their way.
    frames: mpsc::UnboundedSender<ClientFrame>,
    task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Host {
    shared: Arc<Shared>,
    owner: Owner,
    open: Vec<Open>,
    told: Told,
}

/// Runs the device until it is aborted.
pub(super) async fn drive(shared: Arc<Shared>, owner: Owner) {
    let (told, mut hears) = mpsc::unbounded_channel();
    let mut host = Host { shared, owner, open: Vec::new(), told };
    loop {
        host.carry_out();
        let deadline = host.shared.view().client.deadline().map(|moment| host.shared.history.clock.at(moment));
        tokio::select! {
            Some((load, socket, heard)) = hears.recv() => host.heard(load, socket, heard),
            () = host.shared.wake.notified() => {}
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                let mut view = host.shared.view();
                // The machine counts whole milliseconds, and must have come to this one.
                let now = host.shared.history.clock.now().max(view.client.deadline().unwrap_or(0));
                view.client.tick(now);
                view.carry_out(now);
            }
        }
    }
}

impl Host {
    fn carry_out(&mut self) {
        loop {
            let (load, order) = {
                let mut view = self.shared.view();
                (view.loads, view.orders.pop_front())
            };
            self.open.retain(|open| open.load == load);
            let Some(order) = order else { return };
            match order {
                Action::Connect(socket) => {
                    let (frames, taken) = mpsc::unbounded_channel();
                    let run = socket::run((load, socket), self.owner.clone(), taken, self.told.clone());
                    self.open.push(Open { load, socket, frames, task: tokio::spawn(run).abort_handle() });
                }
                Action::Disconnect(socket) => self.open.retain(|open| open.socket != socket),
                Action::Transmit(socket, frame) => {
                    if let Some(open) = self.open.iter().find(|open| open.socket == socket) {
                        // A socket that has just ended tells so by itself.
                        let _ = open.frames.send(frame);
                    }
                }
                // Carried out before.
                Action::Keep(_) | Action::Forget(_) | Action::Notify(_) => {}
            }
        }
    }

    fn heard(&mut self, load: u32, socket: Socket, heard: Heard) {
        let now = self.shared.history.clock.now();
        let mut view = self.shared.view();
        if load != view.loads || !self.open.iter().any(|open| open.load == load && open.socket == socket) {
            // Given up before.
            return;
        }
        match heard {
            Heard::Opened => view.client.opened(socket),
            Heard::Frame(frame) => {
                view.heard = now;
                match &*frame {
                    ServerFrame::Ack { key, conversation, seq, .. } => {
                        let acked = Acked { key: *key, conversation: *conversation, seq: *seq, at: now };
                        self.shared.history.events().acked.push(acked);
                    }
                    ServerFrame::Welcome { .. } => view.welcomes += 1,
                    _ => {}
                }
                view.client.received(now, socket, *frame);
            }
            Heard::Nonsense(text) => {
                self.shared.history.wrong(2, format!("{} heard what is no frame: {text:.80}", self.owner.name));
            }
            Heard::Closed(code, why) => {
                self.open.retain(|open| open.socket != socket);
                view.closes.push((now, code, why));
                view.client.closed(now, socket, code);
            }
        }
        view.carry_out(now);
    }
}
