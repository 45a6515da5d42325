//! What happens around the page: the network, the reader's attention, leaving and coming back.

use super::Driver;
use super::shown::own_read;
use leptos::prelude::*;
use std::rc::Rc;
use trunkline_protocol::client::Link;

impl Driver {
    pub(super) fn listen(self: &Rc<Self>) {
        let on = |event: &'static str, act: fn(&Rc<Self>)| {
            let driver = Rc::downgrade(self);
            window_event_listener_untyped(event, move |_| {
                if let Some(driver) = driver.upgrade() {
                    act(&driver);
                }
            })
        };
        *self.listeners.borrow_mut() = vec![
            on("online", Self::wake),
            on("pageshow", |driver| {
                driver.leaving.set(false);
                driver.wake();
            }),
            on("offline", |driver| driver.turn(|client, _| client.network_lost())),
            // A page in the back-forward cache must not hold a socket that looks alive; and one that is on its way
            // out needs no banner about it.
            on("pagehide", |driver| {
                driver.leaving.set(true);
                driver.turn(|client, _| client.network_lost());
            }),
            on("visibilitychange", Self::look),
            on("focus", Self::look),
            on("blur", Self::look),
        ];
    }

    fn wake(self: &Rc<Self>) {
        self.turn(|client, now| {
            if !matches!(client.link(), Link::Stopped(_)) {
                client.connect(now);
            }
        });
    }

    pub(super) fn look(self: &Rc<Self>) {
        let visible = document().visibility_state() == web_sys::VisibilityState::Visible;
        let attention = visible && document().has_focus().unwrap_or(true);
        if self.chat.attention.get_untracked() != attention {
            self.chat.attention.set(attention);
            if !attention {
                self.mark_read_until();
            }
        }
        if visible {
            self.turn(|client, now| match client.link() {
                // Nobody who looks at the page shall wait for a delay that was meant for nobody.
                Link::Waiting(_) => client.connect(now),
                // A sleeping tab's timers sleep too.
                _ => client.tick(now),
            });
        }
    }

    /// Who turns away finds the line where they stopped reading when they are back.
    fn mark_read_until(&self) {
        let client = self.client.borrow();
        if let Some(replica) = self.open.get().and_then(|open| client.replica(open)) {
            let read = own_read(replica, self.chat.me);
            self.chat.thread(replica.conversation().id).read_until.set(Some(read));
        }
    }
}
