//! Searching: who finds what, the same before and after it is indexed, and in every store.

use crate::harness::{Database, NOW, Person, assert_refused};
use std::collections::BTreeSet;
use trunkline_protocol::{ConversationId, Seq};
use trunkline_server::search::{Found, Mark, Query, Search};
use trunkline_server::store::{Amendment, StoreError};

contract!(
    members_find_what_was_said_and_nobody_else_does,
    a_later_member_finds_nothing_from_before,
    who_was_removed_finds_nothing_until_they_come_back,
    one_conversation_can_be_searched_alone,
    words_of_many_writings_are_found,
    phrases_and_beginnings_are_found_as_they_say,
    whatever_is_asked_has_no_syntax,
    pages_hold_everything_once_newest_first,
    what_is_found_rarely_ends_a_page_early_and_is_found_all_the_same,
    what_was_just_said_is_found,
    someone_in_very_many_conversations_finds_what_is_theirs,
);

fn asks(query: &str) -> Search {
    Search { query: Query::parse(query).unwrap(), conversation: None, before: None, limit: 20 }
}

fn texts(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.text.as_str()).collect()
}

async fn found(db: &Database, person: &Person, query: &str) -> Vec<String> {
    let found = db.b.search(person.id, asks(query)).await.unwrap();
    assert!(found.next.is_none());
    texts(&found).into_iter().map(str::to_owned).collect()
}

/// Runs this before everything is indexed, and after.
macro_rules! both_ways {
    ($db:expr, $check:block) => {
        for _ in 0..2 {
            $check
            $db.b.index().await.unwrap();
        }
    };
}

async fn members_find_what_was_said_and_nobody_else_does(db: Database) {
    let [ann, bob, eve] = db.people(["ann", "bob", "eve"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &eve]).await);
    db.post(&ann, direct, "the harbour at night").await;
    db.post(&bob, direct, "a train").await;
    db.post(&eve, group, "the harbour at noon").await;
    both_ways!(db, {
        assert_eq!(found(&db, &ann, "harbour").await, ["the harbour at noon", "the harbour at night"]);
        assert_eq!(found(&db, &bob, "harbour").await, ["the harbour at night"]);
        assert_eq!(found(&db, &eve, "harbour").await, ["the harbour at noon"]);
        assert!(found(&db, &bob, "nowhere").await.is_empty());
    });
    let hit = db.a.search(bob.id, asks("night harb")).await.unwrap().hits.remove(0);
    assert_eq!((hit.mark, hit.author), (Mark { at: NOW, conversation: direct, seq: Seq(1) }, ann.id));
    assert_eq!(hit.highlights, [4..11, 15..20]);
}

async fn a_later_member_finds_nothing_from_before(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.post(&ann, group, "a word about Cat").await;
    db.a.index().await.unwrap();
    db.post(&ann, group, "one more word").await;
    db.amend(&ann, group, Amendment::AddMembers(vec![cat.id])).await;
    db.post(&ann, group, "a word of welcome").await;
    both_ways!(db, {
        assert_eq!(found(&db, &cat, "word").await, ["a word of welcome"]);
        assert_eq!(found(&db, &bob, "word").await.len(), 3);
    });
}

async fn who_was_removed_finds_nothing_until_they_come_back(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let group = db.group(&[&ann, &bob]).await;
    db.post(&bob, group, "my word").await;
    db.amend(&ann, group, Amendment::RemoveMember(bob.id)).await;
    let scoped = Search { conversation: Some(group), ..asks("word") };
    both_ways!(db, {
        assert!(found(&db, &bob, "word").await.is_empty());
        assert_refused!(db.b.search(bob.id, scoped.clone()).await, StoreError::NotAMember);
    });
    db.amend(&ann, group, Amendment::AddMembers(vec![bob.id])).await;
    db.post(&ann, group, "a new word").await;
    both_ways!(db, { assert_eq!(found(&db, &bob, "word").await, ["a new word"]) });
}

async fn one_conversation_can_be_searched_alone(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let (direct, group) = (db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await);
    db.post(&ann, direct, "the word here").await;
    db.post(&ann, group, "the word there").await;
    let only = |conversation| Search { conversation: Some(conversation), ..asks("word") };
    both_ways!(db, {
        assert_eq!(texts(&db.b.search(bob.id, only(direct)).await.unwrap()), ["the word here"]);
        assert_eq!(texts(&db.b.search(bob.id, only(group)).await.unwrap()), ["the word there"]);
        let unknown = db.b.search(bob.id, only(ConversationId(4711))).await;
        assert_refused!(unknown, StoreError::UnknownConversation);
    });
}

async fn words_of_many_writings_are_found(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let said = [
        "我在北京工作",
        "昨日はラーメンを食べた",
        "안녕하세요 여러분",
        "Grüße aus dem CAFÉ",
        "Ёлка в лесу",
        "สวัสดีครับ",
        "我的iPhone手机 is lost",
        "released 🎉👍🏽",
        "मैं हिन्दी बोलता हूँ",
        "مُحَمَّد هنا",
    ];
    for text in said {
        db.post(&ann, direct, text).await;
    }
    let asked = [
        ("北京", 0),
        ("作", 0),
        ("ﾗｰﾒﾝ", 1),
        ("食べ", 1),
        ("안녕", 2),
        ("여러분", 2),
        ("cafe grusse", 3),
        ("елк", 4),
        ("สวัส", 5),
        ("iphone 手机", 6),
        ("🎉", 7),
        ("👍", 7),
        ("हिन्दी", 8),
        ("محمد", 9),
    ];
    both_ways!(db, {
        for (query, which) in asked {
            assert_eq!(found(&db, &bob, query).await, [said[which]], "{query}");
        }
        for nothing in ["京北", "北 京在", "かあ", "ag"] {
            assert!(found(&db, &bob, nothing).await.is_empty(), "{nothing}");
        }
    });
}

async fn phrases_and_beginnings_are_found_as_they_say(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let long = "x".repeat(60);
    for text in ["the boat left early", "left the boat", &format!("{long}y"), &format!("{long}z")] {
        db.post(&ann, direct, text).await;
    }
    both_ways!(db, {
        assert_eq!(found(&db, &bob, "boat left").await.len(), 2);
        assert_eq!(found(&db, &bob, "\"boat left\"").await, ["the boat left early"]);
        assert_eq!(found(&db, &bob, "left ear").await, ["the boat left early"]);
        assert!(found(&db, &bob, "ear left").await.is_empty());
        assert_eq!(found(&db, &bob, &format!("{long}y")).await, [format!("{long}y")]);
        assert_eq!(found(&db, &bob, &long).await.len(), 2);
    });
}

async fn whatever_is_asked_has_no_syntax(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "NEAR and NOT or * ( terms : ^ word'; DROP TABLE changes -- %_\\").await;
    both_ways!(db, {
        let questions = [
            "NEAR(word",
            "word AND",
            "NOT word",
            "terms:word",
            "^word",
            "wor*",
            "\"word",
            "word\"",
            "(word OR",
            "word'",
            "'; DROP TABLE changes --",
            "%_word",
            "word \\",
            "a & | ! <-> word:*",
            "word -- {",
            "\u{0}word",
            "“word„",
        ];
        for question in questions {
            let Ok(query) = Query::parse(question) else { continue };
            let hits = db.b.search(bob.id, Search { query: query.clone(), ..asks("x") }).await.unwrap().hits.len();
            let text = texts_of(&db, direct).await;
            assert_eq!(hits, usize::from(query.find(&text[0]).is_some()), "{question}");
        }
    });
    assert_eq!(found(&db, &bob, "drop table").await.len(), 1);
}

async fn texts_of(db: &Database, conversation: ConversationId) -> Vec<String> {
    let log = db.log(conversation).await;
    log.iter().filter_map(|change| change.body.text().map(str::to_owned)).collect()
}

/// All pages of an answer.
async fn pages(db: &Database, person: &Person, mut search: Search) -> Vec<Found> {
    let mut pages = Vec::new();
    loop {
        let found = db.b.search(person.id, search.clone()).await.unwrap();
        search.before = found.next;
        pages.push(found);
        if search.before.is_none() {
            return pages;
        }
    }
}

async fn pages_hold_everything_once_newest_first(db: Database) {
    let [ann, bob, cat] = db.people(["ann", "bob", "cat"]).await;
    let logs = [db.direct(&ann, &bob).await, db.group(&[&ann, &bob]).await, db.direct(&ann, &cat).await];
    // Many in each millisecond, in three conversations, and clocks that go back.
    for n in 0..120_u64 {
        let mut message = ann.says(logs[n as usize % 3], &format!("word {n}"));
        message.at = NOW + (n / 15) as i64 - (n % 4) as i64;
        db.a.append(vec![message]).await.unwrap().remove(0).unwrap();
        if n == 70 {
            db.a.index().await.unwrap();
        }
    }
    both_ways!(db, {
        for limit in [1, 7, 20, 100] {
            let pages = pages(&db, &bob, Search { limit, ..asks("word") }).await;
            assert!(pages.iter().all(|page| page.hits.len() <= limit));
            let marks: Vec<_> = pages.iter().flat_map(|page| page.hits.iter().map(|hit| hit.mark)).collect();
            assert!(marks.windows(2).all(|pair| pair[0] > pair[1]), "{limit}: {marks:?}");
            assert_eq!(marks.len(), 80, "{limit}");
        }
    });
}

async fn what_is_found_rarely_ends_a_page_early_and_is_found_all_the_same(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    db.post(&ann, direct, "red boat").await;
    let mut batch = Vec::new();
    for n in 0..trunkline_server::search::EXAMINED as i64 + 500 {
        let mut message = ann.says(direct, "boat red");
        message.at = NOW + 1 + n;
        batch.push(message);
    }
    db.a.append(batch).await.unwrap();
    db.a.index().await.unwrap();
    let pages = pages(&db, &bob, asks("\"red boat\"")).await;
    assert_eq!(pages.len(), 2);
    assert!(pages[0].hits.is_empty());
    assert_eq!(texts(&pages[1]), ["red boat"]);
}

async fn what_was_just_said_is_found(db: Database) {
    let [ann, bob] = db.people(["ann", "bob"]).await;
    let direct = db.direct(&ann, &bob).await;
    let mut said = BTreeSet::new();
    for n in 0..60 {
        let text = format!("word number{n}");
        db.post(if n % 2 == 0 { &ann } else { &bob }, direct, &text).await;
        assert_eq!(found(&db, &bob, &format!("number{n}")).await.concat(), text);
        said.insert(text);
        if n % 7 == 0 {
            db.handle(n).index().await.unwrap();
        }
    }
    let pages = pages(&db, &ann, asks("word")).await;
    let all: BTreeSet<_> = pages.iter().flat_map(texts).map(str::to_owned).collect();
    assert_eq!(all, said);
}

async fn someone_in_very_many_conversations_finds_what_is_theirs(db: Database) {
    let [ann, bob, eve] = db.people(["ann", "bob", "eve"]).await;
    let mut groups = Vec::new();
    for _ in 0..trunkline_server::search::NAMED + 3 {
        groups.push(db.group(&[&ann, &bob]).await);
    }
    let foreign = db.direct(&ann, &eve).await;
    db.post(&ann, foreign, "a foreign word").await;
    db.post(&ann, groups[7], "an own word").await;
    both_ways!(db, { assert_eq!(found(&db, &bob, "word").await, ["an own word"]) });
}
