//! A part of a conversation that is too far from its end for the chat, around one message, with the ways on. It is not
//! alive: nothing comes into it, and nothing in it counts as read. Times and days are in UTC as the server writes them,
//! and in the reader's zone once `public/passage.js` runs.

use crate::backend::service::Passage;
use crate::components::chat::message_text::MessageText;
use crate::components::page::Page;
use crate::state::lines::{Line, LineId, Source, arrange};
use crate::state::people::{People, conversation_name};
use crate::state::wording::sentence;
use crate::time;
use leptos::prelude::*;
use trunkline_protocol::{Seq, UserId};

/// The page.
#[component]
pub fn PassagePage(
    /// What it shows.
    passage: Passage,
) -> impl IntoView {
    let me = passage.viewer.user.id;
    let mut people = People::default();
    people.learn(&passage.viewer.user);
    people.learn_members(&passage.conversation);
    people.learn_changes(&passage.changes);
    let source =
        Source { me, conversation: &passage.conversation, changes: &passage.changes, outbox: &[], read_until: None };
    let lines = arrange(source, |at| time::day_of(at, 0));
    let target = passage.changes.iter().find(|change| change.seq == passage.at);
    let target = target.map(|change| match change.key {
        Some(key) if change.author == me => LineId::Own(key),
        _ => LineId::Change(change.seq),
    });
    let lines: Vec<_> = lines.iter().map(|line| shown(line, me, &people, target)).collect();
    let id = passage.conversation.id;
    let way = move |at: Seq| format!("/c/{id}?at={at}#at");
    let earlier = passage.earlier.map(|at| view! { <a class="button" href=way(at) rel="prev">"Earlier messages"</a> });
    let later = way(passage.later);
    let latest = format!("/c/{id}");
    let name = conversation_name(&passage.conversation, me);
    view! {
        <Page title="Earlier messages" class="page__main passage">
            <div class="passage__head">
                <h2 class="passage__name" dir="auto">{name}</h2>
                <a class="button button--primary" href=latest>"Jump to latest"</a>
            </div>
            {earlier}
            <section class="passage__log" aria-label="Messages">{lines}</section>
            <a class="button" href=later rel="next">"Later messages"</a>
            <script type="module" src="/passage.js"></script>
        </Page>
    }
}

fn shown(line: &Line<'_>, me: UserId, people: &People, target: Option<LineId>) -> AnyView {
    match line {
        Line::Day(day) => view! { <h3 class="log__day">{time::full_day(*day)}</h3> }.into_any(),
        Line::New => ().into_any(),
        Line::Event(change) => {
            let said = sentence(change, me, people);
            let id = (target == Some(line.id())).then_some("at");
            view! { <p class="log__event" id=id data-at=time::machine(change.at) dir="auto">{said}</p> }.into_any()
        }
        Line::Message { id, author, text, frame } => {
            let (own, name) = (*author == me, people.name(*author).to_owned());
            let clock = time::time_of_day(frame.at, 0);
            let label = format!("{name}, {clock}");
            // Hidden rather than left out: in the reader's zone another message may be the first of its day.
            let writer = (!own).then(|| {
                let hue = (author.0 % 8).to_string();
                view! { <p class="message__author" dir="auto" data-hue=hue hidden=!frame.first>{name}</p> }
            });
            view! {
                <article
                    class="message"
                    id=(target == Some(*id)).then_some("at")
                    data-at=time::machine(frame.at)
                    aria-label=label
                    data-own=own.then_some("")
                    data-first=frame.first.then_some("")
                    data-last=frame.last.then_some("")
                >
                    <div class="message__bubble">
                        {writer}
                        <div class="message__body" dir="auto">
                            <p class="message__text"><MessageText text=(*text).to_owned()/></p>
                            <div class="message__meta"><time datetime=time::machine(frame.at)>{clock}</time></div>
                        </div>
                    </div>
                </article>
            }
            .into_any()
        }
    }
}
