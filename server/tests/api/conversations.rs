//! Conversations, their logs and their members.

use crate::client::Site;
use serde_json::{Value, json};

fn names(conversation: &Value) -> Vec<&str> {
    let members = conversation["members"].as_array().expect("members");
    members.iter().filter_map(|member| member["user"]["name"].as_str()).collect()
}

fn seqs(changes: &Value) -> Vec<u64> {
    let changes = changes["changes"].as_array().expect("changes");
    changes.iter().filter_map(|change| change["seq"].as_u64()).collect()
}

#[tokio::test]
async fn a_direct_conversation_is_one_for_both() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let mine = ann.post("/conversations/direct", json!({"to": "ben"})).await.ok(200);
    let theirs = ben.post("/conversations/direct", json!({"to": "ann"})).await.ok(200);
    assert_eq!(mine["id"], theirs["id"]);
    assert_eq!((&mine["kind"], &mine["name"], &mine["head"]), (&json!("direct"), &Value::Null, &json!(0)));
    assert_eq!(names(&mine), ["ann", "ben"]);
    ann.post("/conversations/direct", json!({"to": "ann"})).await.refused(422, "invalid");
    ann.post("/conversations/direct", json!({"to": "zoe"})).await.refused(404, "unknown_user");
}

#[tokio::test]
async fn the_list_has_the_last_active_first_with_preview_and_unread() {
    let site = Site::start().await;
    let [ann, ben, cleo] = site.people(["ann", "ben", "cleo"]).await;
    cleo.say(&ann, "first").await;
    ben.say(&ann, "second").await;
    let list = ann.get("/conversations").await.ok(200);
    let list = list["conversations"].as_array().expect("a list");
    let previews: Vec<_> = list.iter().map(|known| &known["last_message"]["body"]["text"]).collect();
    assert_eq!(previews, ["second", "first"]);
    assert_eq!(list[0]["unread"], 1);
    let one = ann.get(&format!("/conversations/{}", list[0]["id"])).await.ok(200);
    assert_eq!(one, list[0]);
}

#[tokio::test]
async fn a_group_is_made_amended_and_left() {
    let site = Site::start().await;
    let [ann, ben, cleo] = site.people(["ann", "ben", "cleo"]).await;
    let made = ann.post("/conversations/group", json!({"name": " Night shift ", "members": ["ben", "ann"]})).await;
    let location = made.headers["location"].to_str().expect("text").to_owned();
    let group = made.ok(201);
    let path = format!("/conversations/{}", group["id"]);
    assert_eq!(location, format!("/api/v1{path}"));
    assert_eq!((&group["name"], &group["owner"]), (&json!("Night shift"), &json!(ann.id)));
    assert_eq!(names(&group), ["ann", "ben"]);

    let added = ben.post(&format!("{path}/members"), json!({"add": ["cleo", "ann"]})).await.ok(200);
    assert_eq!(names(&added), ["ann", "ben", "cleo"]);
    let seen = cleo.get(&path).await.ok(200);
    assert_eq!(seen["since"], 3, "what was before them is not theirs");
    assert_eq!(seqs(&cleo.get(&format!("{path}/changes")).await.ok(200)), [3]);

    let amended = ann.patch(&path, json!({"name": "Day shift", "owner": "ben"})).await.ok(200);
    assert_eq!((&amended["name"], &amended["owner"]), (&json!("Day shift"), &json!(ben.id)));
    ben.delete(&format!("{path}/members/cleo")).await.ok(204);
    cleo.get(&path).await.refused(403, "not_a_member");
    ann.delete(&format!("{path}/members/ann")).await.ok(204);
    assert_eq!(names(&ben.get(&path).await.ok(200)), ["ben"]);
    let log = ben.get(&format!("{path}/changes")).await.ok(200);
    let authors: Vec<_> = log["authors"].as_array().expect("authors").iter().map(|user| &user["name"]).collect();
    assert_eq!(authors, ["ann", "ben"], "those who have left are named too");
}

#[tokio::test]
async fn only_the_owner_may_rename_remove_and_hand_over() {
    let site = Site::start().await;
    let [ann, ben, cleo, _dan] = site.people(["ann", "ben", "cleo", "dan"]).await;
    let path = format!("/conversations/{}", ann.group(&[&ben, &cleo]).await);
    ben.patch(&path, json!({"name": "Mine"})).await.refused(403, "forbidden");
    ben.patch(&path, json!({"owner": "ben"})).await.refused(403, "forbidden");
    ben.delete(&format!("{path}/members/cleo")).await.refused(403, "forbidden");
    ann.patch(&path, json!({"name": "Renamed", "owner": "dan"})).await.refused(404, "unknown_user");
    assert_eq!(ann.get(&path).await.ok(200)["name"], "Us", "nothing is carried out by half");
    ann.patch(&path, json!({})).await.refused(422, "invalid");
    ann.patch(&path, json!({"name": " "})).await.refused(422, "invalid");
    ann.delete(&format!("{path}/members/zoe")).await.refused(404, "unknown_user");
    ann.post(&format!("{path}/members"), json!({"add": ["zoe"]})).await.refused(404, "unknown_user");
    let direct = ann.say(&ben, "hi").await["conversation"].clone();
    let direct = format!("/conversations/{direct}");
    ann.post(&format!("{direct}/members"), json!({"add": ["cleo"]})).await.refused(403, "forbidden");
    ann.delete(&format!("{direct}/members/ann")).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_group_that_does_not_fit_its_rules_is_refused() {
    let site = Site::start().await;
    let ann = site.person("ann").await;
    let crowd: Vec<_> = (0..257).map(|number| format!("user{number}")).collect();
    for (body, status, code) in [
        (json!({"name": "", "members": []}), 422, "invalid"),
        (json!({"name": "x".repeat(65), "members": []}), 422, "invalid"),
        (json!({"name": "Two\nlines", "members": []}), 422, "invalid"),
        (json!({"name": "Crowd", "members": crowd}), 422, "invalid"),
        (json!({"name": "Ghosts", "members": ["zoe"]}), 404, "unknown_user"),
        (json!({"name": "Nobody said"}), 422, "invalid"),
    ] {
        ann.post("/conversations/group", body).await.refused(status, code);
    }
    assert_eq!(ann.get("/conversations").await.ok(200), json!({"conversations": []}));
}

#[tokio::test]
async fn a_log_is_read_in_parts() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let conversation = ann.post("/conversations/direct", json!({"to": "ben"})).await.ok(200)["id"].clone();
    let path = format!("/conversations/{conversation}/changes");
    assert_eq!(seqs(&ann.get(&path).await.ok(200)), [0; 0]);
    // Past the API, so that the rate does not bound it.
    let session = ann.login.as_ref().expect("a login").session;
    for number in 1..=120 {
        let append = trunkline_server::store::Append {
            author: ann.id,
            credential: trunkline_server::store::Credential::Session(session),
            conversation: trunkline_protocol::ConversationId(conversation.as_u64().expect("an id")),
            key: trunkline_protocol::SendKey::random(),
            text: number.to_string(),
            at: trunkline_server::clock::now(),
        };
        site.state().node.append(append).await.expect("stored");
    }
    let part = async |query: &str| seqs(&ben.get(&format!("{path}{query}")).await.ok(200));
    assert_eq!(part("").await, (71..=120).collect::<Vec<_>>(), "the newest 50");
    assert_eq!(part("?to=70").await, (21..=70).collect::<Vec<_>>(), "the 50 before those");
    assert_eq!(part("?from=1").await, (1..=100).collect::<Vec<_>>(), "at most 100");
    assert_eq!(part("?from=119&to=500").await, [119, 120]);
    assert_eq!(part("?from=500").await, [0; 0]);
    assert_eq!(part("?from=0&to=2").await, [1, 2]);
    for bad in ["?from=3&to=2", "?from=x", "?to=-1", "?to=99999999999999999999", "?to=9007199254740992"] {
        ben.get(&format!("{path}{bad}")).await.refused(422, "invalid");
    }
    assert_eq!(part("?from=9007199254740991&to=9007199254740991").await, [0; 0]);
}

#[tokio::test]
async fn who_is_not_in_a_conversation_reads_nothing_of_it() {
    let site = Site::start().await;
    let [ann, ben, eve] = site.people(["ann", "ben", "eve"]).await;
    let id = ann.say(&ben, "secret").await["conversation"].clone();
    let path = format!("/conversations/{id}");
    for read in [path.clone(), format!("{path}/changes"), format!("{path}/changes?from=1&to=1")] {
        let answer = eve.get(&read).await;
        answer.refused(403, "not_a_member");
        assert!(!answer.body.to_string().contains("secret"));
    }
    let group = format!("/conversations/{}", ann.group(&[&ben]).await);
    eve.post(&format!("{group}/members"), json!({"add": ["eve"]})).await.refused(403, "not_a_member");
    eve.patch(&group, json!({"name": "Mine"})).await.refused(403, "not_a_member");
    eve.delete(&format!("{group}/members/ben")).await.refused(403, "not_a_member");
    for path in ["/conversations/999", "/conversations/999/changes"] {
        eve.get(path).await.refused(404, "unknown_conversation");
    }
    assert_eq!(eve.get("/conversations").await.ok(200), json!({"conversations": []}));
    assert_eq!(eve.post("/unread/pull", json!({})).await.ok(200), json!({"conversations": []}));
}

#[tokio::test]
async fn who_changes_groups_too_fast_is_told_how_long_to_wait() {
    let site = Site::start().await;
    let [ann, ben] = site.people(["ann", "ben"]).await;
    let group = ann.group(&[&ben]).await;
    let mut refused = None;
    for number in 0..trunkline_protocol::limits::AMENDMENT_BURST * 4 {
        let answer = ann.patch(&format!("/conversations/{group}"), json!({"name": number.to_string()})).await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the limit");
    refused.refused(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
    ann.post("/conversations/group", json!({"name": "x", "members": ["ben"]})).await.refused(429, "rate_limited");
    ben.post("/conversations/group", json!({"name": "not held up", "members": ["ann"]})).await.ok(201);
}
