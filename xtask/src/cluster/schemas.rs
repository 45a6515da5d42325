//! The files for Docker and Kubernetes, held against what those understand, as others have written it down: each is read
//! into types made for it and written again. What they do not know would be gone then, and what has another type is refused.
//! (Both themselves would leave out an unknown key, or refuse it only when it is too late.)

use compose_spec::Compose;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::de::{Deserialize as _, DeserializeOwned};
use serde_json::Value;

use super::tests::text;

fn written<T: Serialize + DeserializeOwned>(value: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_value::<T>(value.clone())?)
}

/// Fails with the path of the first thing that was not understood.
fn assert_understood(path: &str, source: &Value, understood: &Value) {
    match (source, understood) {
        (Value::Object(source), Value::Object(understood)) => {
            for (key, value) in source {
                let path = format!("{path}.{key}");
                assert_understood(&path, value, understood.get(key).unwrap_or_else(|| panic!("{path} is not known")));
            }
        }
        (Value::Array(source), Value::Array(understood)) => {
            assert_eq!(source.len(), understood.len(), "{path}");
            for (number, value) in source.iter().enumerate() {
                assert_understood(&format!("{path}[{number}]"), value, &understood[number]);
            }
        }
        _ => assert_eq!(source, understood, "{path}"),
    }
}

fn kubernetes() -> Vec<Value> {
    let text = text("deploy/kubernetes/trunkline.yaml");
    serde_yaml_ng::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect()
}

fn understood_by_kubernetes(document: &Value) -> Result<Value, serde_json::Error> {
    match document["kind"].as_str().unwrap() {
        "Deployment" => written::<Deployment>(document),
        "Service" => written::<Service>(document),
        "PodDisruptionBudget" => written::<PodDisruptionBudget>(document),
        "Ingress" => written::<Ingress>(document),
        other => panic!("this test knows no {other}"),
    }
}

#[test]
fn kubernetes_understands_every_word_of_the_manifests() {
    for document in kubernetes() {
        let understood = understood_by_kubernetes(&document).unwrap();
        assert_understood(document["kind"].as_str().unwrap(), &document, &understood);
    }
}

#[test]
#[should_panic(expected = "Deployment.spec.template.spec.containers[0].readinesProbe is not known")]
fn a_word_that_kubernetes_does_not_know_is_found() {
    let mut deployment = kubernetes().remove(0);
    let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
    let probe = container["readinessProbe"].take();
    container.as_object_mut().unwrap().remove("readinessProbe");
    container["readinesProbe"] = probe;
    let understood = understood_by_kubernetes(&deployment).unwrap();
    assert_understood("Deployment", &deployment, &understood);
}

#[test]
fn a_value_that_kubernetes_does_not_take_is_found() {
    let mut deployment = kubernetes().remove(0);
    deployment["spec"]["replicas"] = "three".into();
    understood_by_kubernetes(&deployment).unwrap_err();
}

#[test]
fn what_selects_pods_finds_those_of_the_deployment() {
    let documents = kubernetes();
    let labels = &documents[0]["spec"]["template"]["metadata"]["labels"];
    let spec = |number: usize| &documents[number]["spec"];
    for selector in [&spec(0)["selector"]["matchLabels"], &spec(1)["selector"], &spec(2)["selector"]["matchLabels"]] {
        assert_eq!(selector, labels);
    }
    let service = &spec(3)["rules"][0]["http"]["paths"][0]["backend"]["service"];
    assert_eq!(service["name"], documents[1]["metadata"]["name"]);
    assert_eq!(service["port"]["name"], spec(1)["ports"][0]["name"]);
    let pod = &spec(0)["template"]["spec"];
    assert_eq!(spec(1)["ports"][0]["targetPort"], pod["containers"][0]["ports"][0]["name"]);
    let replicas = spec(0)["replicas"].as_u64().unwrap();
    assert!(spec(2)["minAvailable"].as_u64().unwrap() < replicas, "or no machine could ever be emptied");
}

fn compose() -> Value {
    let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text("deploy/compose.yaml")).unwrap();
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

fn understood_by_compose(value: &Value) -> Result<Compose, serde_json::Error> {
    serde_json::from_value(value.clone())
}

#[test]
fn compose_understands_the_file_and_everything_in_it_refers_to_something() {
    let compose = understood_by_compose(&compose()).unwrap();
    compose.validate_all().unwrap();
    assert_eq!(compose.services.len(), 6);
}

#[test]
fn what_compose_does_not_understand_is_found() {
    let mut unknown = compose();
    unknown["services"]["redis"]["restarts"] = "always".into();
    understood_by_compose(&unknown).unwrap_err();
    let mut wrong = compose();
    wrong["services"]["redis"]["restart"] = "sometimes".into();
    understood_by_compose(&wrong).unwrap_err();
    let mut dangling = compose();
    dangling["services"]["node-1"]["networks"] = serde_json::json!({ "elsewhere": {} });
    understood_by_compose(&dangling).unwrap().validate_all().unwrap_err();
}
