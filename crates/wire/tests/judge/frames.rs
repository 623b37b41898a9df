//! Streams cut into events: leniently as recordings have them, strictly as we must write them.

use super::hold;
use serde_json::Value;

/// One event: its name (mostly empty) and its data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Sent {
    /// The data as JSON; null where it is none.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_default()
    }
}

/// Server-sent events, whatever their line ends.
pub(crate) fn events(stream: &str) -> Vec<Sent> {
    let mut out = Vec::new();
    let (mut name, mut data) = (String::new(), None::<String>);
    let lines = stream.trim_start_matches('\u{feff}').split('\n').map(|line| line.trim_end_matches('\r'));
    for line in lines.chain([""]) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                if let Some(data) = data.take() {
                    out.push(Sent { name: std::mem::take(&mut name), data });
                }
                name.clear();
            }
            "event" => value.clone_into(&mut name),
            "data" => match &mut data {
                Some(data) => data.extend(["\n", value]),
                None => data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
    out
}

/// The data of server-sent events as JSON; a stream that is one JSON array or value gives its items.
pub(crate) fn values(stream: &str) -> Vec<Value> {
    match serde_json::from_str(stream) {
        Ok(Value::Array(items)) => items,
        Ok(one) => vec![one],
        Err(_) => events(stream).iter().map(Sent::value).filter(|value| !value.is_null()).collect(),
    }
}

/// Server-sent events as we write them: `event:` perhaps, one `data:` line, a blank line, nothing else.
pub(crate) fn strict(stream: &str) -> Result<Vec<Sent>, String> {
    let mut out = Vec::new();
    let unix = stream.replace("\r\n", "\n");
    hold(unix.is_empty() || unix.ends_with("\n\n"), || "the stream ends without a blank line".to_owned())?;
    for event in unix.split("\n\n").filter(|event| !event.is_empty()) {
        let (name, rest) = match event.strip_prefix("event: ") {
            Some(rest) => rest.split_once('\n').ok_or("an event without data")?,
            None => ("", event),
        };
        let data = rest.strip_prefix("data: ").ok_or_else(|| format!("not an event: {event:.80}"))?;
        hold(!data.contains('\n'), || format!("more than one line in an event: {event:.80}"))?;
        if data != "[DONE]" {
            serde_json::from_str::<Value>(data)
                .map_err(|error| format!("data is no JSON ({error}): {data:.80}"))?;
        }
        out.push(Sent { name: name.to_owned(), data: data.to_owned() });
    }
    Ok(out)
}
