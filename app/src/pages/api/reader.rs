//! Reads the OpenAPI document that our own server generates, and skips what it does not understand: a page with a gap is
//! better than none.

use super::document::{Answer, Body, Code, Document, Group, Operation, Parameter};
use serde_json::{Map, Value};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// Schemas refer to each other; no example is worth more levels than this.
const DEEPEST: usize = 5;

/// Reads one document.
pub(super) struct Reader<'a> {
    root: &'a Value,
}

impl<'a> Reader<'a> {
    /// Of what was parsed, whatever it is.
    pub(super) const fn of(root: &'a Value) -> Self {
        Self { root }
    }

    /// All of it.
    pub(super) fn document(&self) -> Document {
        let mut groups: Vec<Group> = Vec::new();
        for tag in list(&self.root["tags"]) {
            groups.push(Group { name: text(&tag["name"]), description: text(&tag["description"]), ..Group::default() });
        }
        for (path, methods) in object(&self.root["paths"]) {
            for method in METHODS {
                let Some(source) = methods.get(method) else { continue };
                let tag = source["tags"].get(0).map_or_else(|| "other".to_owned(), text);
                let operation = self.operation(path, method, source);
                match groups.iter_mut().find(|group| group.name == tag) {
                    Some(group) => group.operations.push(operation),
                    None => groups.push(Group { name: tag, description: String::new(), operations: vec![operation] }),
                }
            }
        }
        groups.retain(|group| !group.operations.is_empty());
        let schemes = object(&self.root["components"]["securitySchemes"]);
        Document {
            title: text(&self.root["info"]["title"]),
            version: text(&self.root["info"]["version"]),
            description: text(&self.root["info"]["description"]),
            schemes: schemes.map(|(name, scheme)| (name.clone(), scheme_text(scheme))).collect(),
            groups,
            codes: text(&self.root["components"]["schemas"]["Code"]["description"])
                .lines()
                .filter_map(Code::read)
                .collect(),
        }
    }

    fn operation(&self, path: &str, method: &str, source: &'a Value) -> Operation {
        let security = source.get("security").unwrap_or(&self.root["security"]);
        let mut auth: Vec<String> =
            list(security).iter().flat_map(|way| object(way).map(|(name, _)| name.clone())).collect();
        auth.dedup();
        Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&source["summary"]),
            description: text(&source["description"]),
            auth,
            parameters: list(&source["parameters"]).iter().map(|parameter| self.parameter(parameter)).collect(),
            body: self.body(&source["requestBody"]["content"]),
            answers: object(&source["responses"]).map(|(status, answer)| self.answer(status, answer)).collect(),
        }
    }

    fn parameter(&self, source: &'a Value) -> Parameter {
        Parameter {
            name: text(&source["name"]),
            place: text(&source["in"]),
            kind: self.kind(&source["schema"]),
            required: source["required"].as_bool().unwrap_or(false),
            description: text(&source["description"]),
        }
    }

    fn answer(&self, status: &str, source: &'a Value) -> Answer {
        let source = self.resolve(source);
        Answer {
            status: status.to_owned(),
            description: text(&source["description"]),
            body: self.body(&source["content"]),
        }
    }

    /// The first of the media types that a body may have.
    fn body(&self, content: &'a Value) -> Option<Body> {
        let (media, source) = object(content).next()?;
        let schema = &source["schema"];
        let example = source.get("example").or_else(|| object(&source["examples"]).find_map(|(_, e)| e.get("value")));
        let example = example.cloned().unwrap_or_else(|| self.example(schema, 0));
        Some(Body {
            media: media.clone(),
            fields: self.fields(schema),
            example: if example.is_null() { String::new() } else { pretty(&example) },
        })
    }

    fn fields(&self, schema: &'a Value) -> Vec<Parameter> {
        let schema = self.resolve(schema);
        let required = list(&schema["required"]);
        let field = |(name, source): (&'a String, &'a Value)| Parameter {
            name: name.clone(),
            place: String::new(),
            kind: self.kind(source),
            required: required.iter().any(|required| required == name.as_str()),
            description: text(&source["description"]),
        };
        object(&schema["properties"]).map(field).collect()
    }

    /// A schema's type in a word or two.
    fn kind(&self, schema: &'a Value) -> String {
        if let Some(name) = schema["$ref"].as_str() {
            let target = self.resolve(schema);
            let named = name.rsplit('/').next().unwrap_or(name);
            return if target["type"].is_string() && target["type"] != "object" {
                self.kind(target)
            } else {
                named.to_owned()
            };
        }
        for alternatives in ["oneOf", "anyOf", "allOf"] {
            let kinds: Vec<String> = list(&schema[alternatives]).iter().map(|schema| self.kind(schema)).collect();
            if !kinds.is_empty() {
                return kinds.join(" or ");
            }
        }
        match &schema["type"] {
            Value::String(kind) if kind == "array" => format!("list of {}", self.kind(&schema["items"])),
            Value::String(kind) => match schema["format"].as_str() {
                Some("uuid") => "UUID".to_owned(),
                _ => kind.clone(),
            },
            Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
            _ => "any".to_owned(),
        }
    }

    fn example(&self, schema: &'a Value, depth: usize) -> Value {
        if let Some(example) =
            schema.get("example").or_else(|| schema["examples"].get(0)).or_else(|| schema.get("const"))
        {
            return example.clone();
        }
        if depth > DEEPEST {
            return Value::Null;
        }
        if schema.get("$ref").is_some() {
            return self.example(self.resolve(schema), depth + 1);
        }
        for alternatives in ["oneOf", "anyOf"] {
            let mut choices = list(&schema[alternatives]).iter().filter(|choice| choice["type"] != "null");
            if let Some(choice) = choices.next() {
                return self.example(choice, depth + 1);
            }
        }
        let parts = list(&schema["allOf"]);
        if !parts.is_empty() {
            let objects = parts.iter().filter_map(|part| self.example(part, depth + 1).as_object().cloned());
            return Value::Object(objects.flatten().collect());
        }
        if let Some(choice) = schema["enum"].get(0) {
            return choice.clone();
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str));
        match kind {
            Some("object") => {
                let fields = object(&schema["properties"]);
                Value::Object(fields.map(|(name, field)| (name.clone(), self.example(field, depth + 1))).collect())
            }
            Some("array") => {
                let item = self.example(&schema["items"], depth + 1);
                Value::Array(if item.is_null() { Vec::new() } else { vec![item] })
            }
            Some("string") if schema["format"] == "uuid" => "7f1c9a52-4a0e-4a3e-9d3b-0c2f6f1f7a10".into(),
            Some("string") => "text".into(),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
            Some("boolean") => false.into(),
            _ => Value::Null,
        }
    }

    /// Follows a reference within the document.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEEPEST {
            let Some(path) = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#')) else { break };
            let Some(target) = self.root.pointer(path) else { break };
            schema = target;
        }
        schema
    }
}

fn scheme_text(scheme: &Value) -> String {
    let description = text(&scheme["description"]);
    if !description.is_empty() {
        return description;
    }
    match scheme["type"].as_str() {
        Some("http") => format!("HTTP {} authentication", text(&scheme["scheme"])),
        Some("apiKey") => format!("{} {}", text(&scheme["in"]), text(&scheme["name"])),
        _ => String::new(),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NOTHING).iter()
}
