//! Which way a message took: from its sender over the nodes to each device of each recipient, as a line of steps.
//! At `/c/:id/delivery/:seq`; and at `/c/:id/delivery` one's own messages, to choose one from.

use crate::backend::delivery::{
    Delivery, DeviceSteps, Found, Micros, NodeMemory, Recipient, SentMessage, SentMessages,
};
use crate::components::live::{At, Live};
use crate::components::page::{Page, loaded};
use crate::functions::delivery::{load_delivery, load_sent};
use crate::pages::not_found::NotFoundPage;
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_params_map};
use trunkline_protocol::{ConversationId, NodeId, Seq};

/// Whether a path leads to one of these pages.
#[must_use]
pub fn is_delivery(path: &str) -> bool {
    path.strip_prefix("/c/").and_then(|rest| rest.split('/').nth(1)) == Some("delivery")
}

/// One's own messages in a conversation.
#[component]
pub fn SentPage() -> impl IntoView {
    let Some(id) = number("id").map(ConversationId) else { return view! { <NotFoundPage/> }.into_any() };
    let path = use_location().pathname.get_untracked();
    let load = async move { load_sent(id, &path).await };
    view! {
        <Page title="Your messages" class="page__main delivery">
            {loaded(load, |sent| view! { <Sent sent/> })}
        </Page>
    }
    .into_any()
}

/// The way of one message.
#[component]
pub fn DeliveryPage() -> impl IntoView {
    let (Some(id), Some(seq)) = (number("id").map(ConversationId), number("seq").map(Seq)) else {
        return view! { <NotFoundPage/> }.into_any();
    };
    let path = use_location().pathname.get_untracked();
    let load = async move { load_delivery(id, seq, &path).await };
    view! {
        <Page title="Delivery" class="page__main delivery">
            {loaded(load, |delivery| view! { <Way delivery/> })}
        </Page>
    }
    .into_any()
}

fn number(name: &str) -> Option<u64> {
    use_params_map().read_untracked().get(name)?.parse().ok()
}

#[component]
fn Sent(sent: SentMessages) -> impl IntoView {
    let SentMessages { conversation, name, messages } = sent;
    let nothing = messages.is_empty();
    let row = |message: SentMessage| {
        let SentMessage { seq, at, beginning, delivered, read, others } = message;
        view! {
            <li class="rows__row">
                <div class="rows__text">
                    <p class="rows__name delivery__beginning" dir="auto">
                        <a href=format!("/c/{conversation}/delivery/{seq}") rel="external">{beginning}</a>
                    </p>
                    <p class="rows__detail">
                        <At at/> " · " {format!("delivered to {delivered} of {others}, seen by {read}")}
                    </p>
                </div>
            </li>
        }
    };
    view! {
        <p class="delivery__back"><a href=format!("/c/{conversation}") rel="external">"Back to " {name}</a></p>
        <section class="panel" aria-labelledby="sent-title">
            <h2 class="panel__title" id="sent-title">"Whether they arrived"</h2>
            {nothing.then(|| view! { <p class="panel__text">"Among the last messages here there is none of yours."</p> })}
            <div id="sent" data-live><ul class="rows">{messages.into_iter().map(row).collect_view()}</ul></div>
        </section>
        <Live/>
    }
}

#[component]
fn Way(delivery: Delivery) -> impl IntoView {
    let conversation = delivery.conversation;
    let back = if delivery.text.is_some() { "Back to the conversation" } else { "Back to your chats" };
    let home = if delivery.text.is_some() { format!("/c/{conversation}") } else { "/".to_owned() };
    let text = delivery.text.clone();
    let author = delivery.author.display_name.clone();
    let what = match text {
        Some(text) => view! { <blockquote class="delivery__text" dir="auto">{text}</blockquote> }.into_any(),
        None => view! {
            <p class="delivery__text" dir="auto">"A message by " {author} ". What it says is for its conversation only."</p>
        }
        .into_any(),
    };
    let people = delivery.recipients.clone();
    let (at, key) = (delivery.at, delivery.key);
    view! {
        <p class="delivery__back"><a href=home rel="external">{back}</a></p>
        {what}
        <div class="delivery__parts" id="way" data-live>
            <p class="delivery__summary">{summary(&people)}</p>
            <section class="panel" aria-labelledby="nodes-title">
                <h2 class="panel__title" id="nodes-title">"Over the nodes"</h2>
                <Taken delivery=delivery.clone()/>
            </section>
            {people.into_iter().map(|recipient| view! { <Reached recipient at/> }).collect_view()}
            <Asked nodes=delivery.nodes incomplete=delivery.incomplete/>
        </div>
        <p class="delivery__names">
            "Message " <code>{format!("{conversation}/{}", delivery.seq)}</code>
            {key.map(|key| view! { ", sent with the key " <code>{key.to_string()}</code> })}
        </p>
        <Live/>
    }
}

/// In a sentence, whether it arrived.
fn summary(people: &[Recipient]) -> String {
    let delivered = people.iter().filter(|recipient| recipient.delivered).count();
    let read = people.iter().filter(|recipient| recipient.read).count();
    match (people.len(), delivered, read) {
        (0, ..) => "Stored. There is nobody else here to receive it.".to_owned(),
        (1, _, 1) => "It arrived, and was seen.".to_owned(),
        (1, 1, _) => "It arrived. It has not been seen yet.".to_owned(),
        (1, ..) => "Stored. It has not arrived yet.".to_owned(),
        (all, ..) => format!("It arrived with {delivered} of {all} people, and was seen by {read}."),
    }
}

/// The steps between the sender and the nodes.
#[component]
fn Taken(delivery: Delivery) -> impl IntoView {
    let (at, seq) = (delivery.at, delivery.seq);
    let first = delivery.nodes.iter().find_map(|memory| Some((memory.node, memory.found.as_ref()?.stored?)));
    let mut steps = vec![match first {
        Some((node, _)) => step(format!("Accepted at node {}", short(node)), Some(at * 1_000), at),
        None => step("Accepted".to_owned(), Some(at * 1_000), at),
    }];
    steps.push(step(format!("Stored as number {seq}"), first.map(|(_, stored)| stored), at));
    for NodeMemory { node, found } in &delivery.nodes {
        let Some(Found { routed: Some((told, to)), .. }) = found else { continue };
        let whom = match to {
            None => "all nodes".to_owned(),
            Some(nodes) => nodes.iter().map(|node| format!("node {}", short(*node))).collect::<Vec<_>>().join(" and "),
        };
        steps.push(step(format!("Routed by node {} to {whom}", short(*node)), Some(*told), at));
    }
    for NodeMemory { node, found } in &delivery.nodes {
        let Some(Found { heard: Some((heard, from_store)), .. }) = found else { continue };
        let how = if *from_store { "Found in the store by" } else { "Received by" };
        steps.push(step(format!("{how} node {}", short(*node)), Some(*heard), at));
    }
    view! { <ol class="timeline">{steps}</ol> }
}

/// How far it has come with one person.
#[component]
fn Reached(recipient: Recipient, at: i64) -> impl IntoView {
    let Recipient { user, delivered, read, devices } = recipient;
    let (state, word) = match (read, delivered) {
        (true, _) => ("seen", "Seen"),
        (_, true) => ("delivered", "Delivered"),
        _ => ("waiting", "Not delivered yet"),
    };
    let nothing = match (devices.is_empty(), delivered) {
        (true, true) => Some("When is no longer remembered."),
        (true, false) => Some("No device of theirs was connected since. It waits in the store until one is."),
        _ => None,
    };
    let several = devices.len() > 1;
    let device = move |(index, steps): (usize, DeviceSteps)| {
        let name = match steps.connection {
            None => "A program that uses the HTTP API".to_owned(),
            Some(number) => {
                let which = if several { format!("Device {}", index + 1) } else { "A device".to_owned() };
                format!("{which}, connection {number} of node {}", short(steps.node))
            }
        };
        view! { <h3 class="delivery__device">{name}</h3> <ol class="timeline">{device_steps(&steps, at)}</ol> }
    };
    let title = format!("recipient-{}", user.id);
    let label = title.clone();
    view! {
        <section class="panel" aria-labelledby=label>
            <h2 class="panel__title delivery__who" id=title>
                <bdi>{user.display_name}</bdi> <span class="badge" data-state=state>{word}</span>
            </h2>
            {nothing.map(|nothing| view! { <p class="panel__text">{nothing}</p> })}
            {devices.into_iter().enumerate().map(device).collect_view()}
        </section>
    }
}

/// The steps of a device in the order of time; what has not happened, or is not known, comes last. A device may say that
/// it has a message before it was given it: the welcome names it too.
fn device_steps(steps: &DeviceSteps, at: i64) -> Vec<AnyView> {
    let given = if steps.fetched { "Asked for by the device" } else { "Given to its connection" };
    let mut known = vec![("Acknowledged by the device", steps.acknowledged)];
    if steps.handed.is_some() {
        known.extend([(given, steps.handed), ("Written to its socket", steps.written)]);
    }
    known.extend(steps.read.map(|read| ("Seen", Some(read))));
    known.sort_by_key(|(_, when)| when.unwrap_or(Micros::MAX));
    let page = steps.handed.is_none().then(|| plain("Came with a page, or over the HTTP API"));
    page.into_iter().chain(known.into_iter().map(|(what, when)| step(what.to_owned(), when, at))).collect()
}

/// A step with its time, and how long after the beginning it was. One without is not known to have happened.
fn step(what: String, when: Option<Micros>, begin: i64) -> AnyView {
    let time = when.map(|when| {
        view! {
            <span class="timeline__time">
                <At at=when.div_euclid(1_000) exact=true/>
                {after(when - begin * 1_000).map(|after| view! { <span class="timeline__after">{after}</span> })}
            </span>
        }
    });
    let state = if when.is_some() { "done" } else { "open" };
    let open = when.is_none().then(|| view! { <span class="timeline__time">"not known"</span> });
    view! { <li class="timeline__step" data-state=state><span class="timeline__what">{what}</span> {time} {open}</li> }
        .into_any()
}

fn plain(what: &'static str) -> AnyView {
    view! { <li class="timeline__step" data-state="done"><span class="timeline__what">{what}</span></li> }.into_any()
}

/// How long after the beginning: nothing at the beginning itself, and beyond a minute, where the time says more.
fn after(micros: Micros) -> Option<String> {
    match micros {
        1..1_000_000 => Some(format!("+{}.{} ms", micros / 1_000, micros % 1_000 / 100)),
        1_000_000..60_000_000 => Some(format!("+{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000)),
        _ => None,
    }
}

/// Who was asked, and who did not answer.
#[component]
fn Asked(nodes: Vec<NodeMemory>, incomplete: bool) -> impl IntoView {
    let row = |memory: NodeMemory| {
        let said = match memory.found {
            Some(found) => view! { "remembers since " <At at=found.since.div_euclid(1_000)/> }.into_any(),
            None => view! { <strong>"did not answer"</strong> }.into_any(),
        };
        view! { <li>"Node " <code title=memory.node.to_string()>{short(memory.node)}</code> ": " {said}</li> }
    };
    let more = "There may be more nodes: the registry that knows them did not answer.";
    view! {
        <section class="panel" aria-labelledby="asked-title">
            <h2 class="panel__title" id="asked-title">"Who was asked"</h2>
            <p class="panel__text">
                "Whether a message arrived and was seen is kept for good. The steps in between each node remembers for a \
                while, by its own clock, and forgets when it is stopped."
            </p>
            <ul class="delivery__nodes">{nodes.into_iter().map(row).collect_view()}</ul>
            {incomplete.then(|| view! { <p class="notice notice--warning">{more}</p> })}
        </section>
    }
}

/// Enough of a node's id to tell it from the others.
pub(crate) fn short(node: NodeId) -> String {
    node.to_string().chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_these_pages_are_told_from_the_chats() {
        assert!(is_delivery("/c/12/delivery") && is_delivery("/c/12/delivery/41"));
        for path in ["/c/12", "/c/delivery", "/delivery", "/", "/c/1/deliveries"] {
            assert!(!is_delivery(path), "{path}");
        }
    }

    #[test]
    fn how_long_something_took_is_said_as_exactly_as_it_matters() {
        assert_eq!(after(0), None);
        assert_eq!(after(-5), None);
        assert_eq!(after(4_190).as_deref(), Some("+4.1 ms"));
        assert_eq!(after(2_345_678).as_deref(), Some("+2.34 s"));
        assert_eq!(after(61_000_000), None);
    }
}
