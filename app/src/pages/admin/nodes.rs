//! The nodes, and what lies between and below them.

use crate::backend::admin::{BusInfo, NodeInfo, NodeStatus, StoreInfo};
use crate::components::live::At;
use crate::pages::delivery::short;
use leptos::prelude::*;
use trunkline_protocol::{Millis, NodeId};

/// A table of all nodes.
#[component]
pub fn Nodes(
    /// The one that answers.
    here: NodeId,
    /// When it did.
    at: Millis,
    /// All of them.
    nodes: Vec<NodeInfo>,
    /// Whether there may be others.
    incomplete: bool,
) -> impl IntoView {
    let more = "There may be more nodes: the registry that knows them did not answer.";
    view! {
        <section class="panel" aria-labelledby="nodes-title">
            <h2 class="panel__title" id="nodes-title">"Nodes"</h2>
            <div id="nodes" data-live>
                <div class="admin__frame" role="group" aria-label="Table of nodes" tabindex="0">
                    <table class="admin__table">
                        <thead>
                            <tr>
                                <th scope="col">"Node"</th>
                                <th scope="col">"Health"</th>
                                <th scope="col">"Connections"</th>
                                <th scope="col">"Users"</th>
                                <th scope="col">"Waiting"</th>
                                <th scope="col">"Bus"</th>
                                <th scope="col">"Position"</th>
                                <th scope="col">"Version"</th>
                                <th scope="col">"Up since"</th>
                            </tr>
                        </thead>
                        <tbody>{nodes.into_iter().map(|node| row(node, here, at)).collect_view()}</tbody>
                    </table>
                </div>
                {incomplete.then(|| view! { <p class="notice notice--warning">{more}</p> })}
            </div>
        </section>
    }
}

fn row(node: NodeInfo, here: NodeId, now: Millis) -> AnyView {
    let NodeInfo { id, status } = node;
    let name = view! {
        <th scope="row">
            <code title=id.to_string()>{short(id)}</code>
            {(id == here).then(|| view! { " " <span class="badge">"this one"</span> })}
        </th>
    };
    let Some(status) = status else {
        return view! {
            <tr data-state="silent">{name} <td colspan="8"><span class="badge" data-state="bad">"Did not answer"</span></td></tr>
        }
        .into_any();
    };
    let NodeStatus { version, started, connections, users, queued, troubles, position, canary } = status;
    let health = if troubles.is_empty() {
        view! { <span class="badge" data-state="good">"Healthy"</span> }.into_any()
    } else {
        view! { <span class="badge" data-state="bad">{capitalised(&troubles.join(", "))}</span> }.into_any()
    };
    let canary =
        canary.map_or_else(|| "–".to_owned(), |micros| format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100));
    view! {
        <tr>
            {name}
            <td>{health}</td>
            <td class="admin__number">{connections}</td>
            <td class="admin__number">{users}</td>
            <td class="admin__number">{bytes(queued)}</td>
            <td class="admin__number">{canary}</td>
            <td class="admin__number">{position.0}</td>
            <td>{version}</td>
            <td><At at=started/> " (" {lasting(now - started)} ")"</td>
        </tr>
    }
    .into_any()
}

/// The bus and the store, as the answering node sees them.
#[component]
pub fn Engines(
    /// What carries messages between nodes.
    bus: BusInfo,
    /// Where everything is stored.
    store: StoreInfo,
    /// The node that says so.
    here: NodeId,
) -> impl IntoView {
    let state = |good: bool, well: &'static str, ill: &'static str| {
        let (state, word) = if good { ("good", well) } else { ("bad", ill) };
        view! { <span class="badge" data-state=state>{word}</span> }
    };
    let unknown = || "not known".to_owned();
    let readable = store.position.is_some();
    view! {
        <section class="panel" aria-labelledby="engines-title">
            <h2 class="panel__title" id="engines-title">"Bus and store"</h2>
            <p class="panel__text">"As node " <code>{short(here)}</code> " sees them."</p>
            <div class="admin__engines" id="engines" data-live>
                <div>
                    <h3>"Bus " {state(bus.up, "Up", "Down")}</h3>
                    <dl class="admin__facts">
                        <dt>"Where"</dt><dd>{bus.address}</dd>
                        <dt>"Routing"</dt><dd>{bus.routing}</dd>
                        <dt>"Dropped"</dt><dd>{bus.dropped}</dd>
                        <dt>"Read from the store instead"</dt><dd>{bus.holes_filled}</dd>
                    </dl>
                </div>
                <div>
                    <h3>"Store " {state(readable && store.writable, "Up", if readable { "Can not write" } else { "Down" })}</h3>
                    <dl class="admin__facts">
                        <dt>"Where"</dt><dd>{store.address}</dd>
                        <dt>"Durability"</dt><dd>{store.durability}</dd>
                        <dt>"History"</dt><dd>{store.epoch.map_or_else(unknown, |epoch| epoch.to_string())}</dd>
                        <dt>"Position"</dt><dd>{store.position.map_or_else(unknown, |position| position.0.to_string())}</dd>
                        <dt>"Messages stored by this node"</dt><dd>{store.stored}</dd>
                    </dl>
                </div>
            </div>
        </section>
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn bytes(count: u64) -> String {
    match count {
        0 => "0".to_owned(),
        1..1_024 => "< 1 KiB".to_owned(),
        1_024..1_048_576 => format!("{} KiB", count / 1_024),
        _ => format!("{} MiB", count / 1_048_576),
    }
}

/// How long something has lasted, in its two largest units.
fn lasting(millis: Millis) -> String {
    let minutes = millis.max(0) / 60_000;
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => "just now".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_short() {
        let sizes = [0, 5, 2_048, 3 << 20].map(bytes);
        assert_eq!(sizes, ["0", "< 1 KiB", "2 KiB", "3 MiB"]);
        let minute = 60_000;
        let times = [-1, 5, 3 * minute, 61 * minute, 26 * 60 * minute].map(lasting);
        assert_eq!(times, ["just now", "just now", "3 min", "1 h 1 min", "1 d 2 h"]);
        assert_eq!(capitalised("stopping, late"), "Stopping, late");
    }
}
