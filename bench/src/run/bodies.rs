//! The request bodies, written to files once per run.

use crate::Result;
use serde_json::{Value, json};
use std::path::Path;

/// Base64 text of the big body: 10 MiB in all, as an image of 7.5 MiB would be.
const IMAGE: usize = 10 * 1024 * 1024 - 256;

/// Writes `small`, `stream`, `16k` and `big`; all gateways get the same bytes.
pub(crate) fn write(directory: &Path, model: &str) -> Result<()> {
    let system = json!({ "role": "system", "content": "You are a helpful assistant." });
    let question = json!({ "role": "user", "content": "Write one sentence about the sea." });
    let small =
        json!({ "model": model, "messages": [system, question], "temperature": 0.7, "max_tokens": 256 });
    let mut stream = small.clone();
    stream["stream"] = json!(true);
    // Two quotes and a newline in every 46 bytes: code and pasted logs look like this, prose doesn't.
    let pasted = "The quick brown \"fox\" jumps over the lazy dog.\n".repeat(335);
    let long = json!({ "model": model, "messages": [system, { "role": "user", "content": pasted }], "temperature": 0.7 });
    for (name, body) in [("small", &small), ("stream", &stream), ("16k", &long), ("big", &big(model))] {
        std::fs::write(directory.join(format!("{name}.json")), serde_json::to_vec(body)?)?;
    }
    Ok(())
}

fn big(model: &str) -> Value {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state: u32 = 1;
    let mut image = String::with_capacity(IMAGE + 32);
    image.push_str("data:image/png;base64,");
    while image.len() < IMAGE {
        // Any sequence without runs will do; nobody decodes it.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image.push(char::from(LETTERS[(state >> 26) as usize]));
    }
    let parts = json!([
        { "type": "text", "text": "What is this?" },
        { "type": "image_url", "image_url": { "url": image } },
    ]);
    json!({ "model": model, "messages": [{ "role": "user", "content": parts }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_sizes_the_scenarios_name() {
        let directory = std::env::temp_dir().join(format!("wharf-bench-bodies-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        write(&directory, "openai/gpt-4o-mini").unwrap();
        let size = |name: &str| std::fs::metadata(directory.join(name)).unwrap().len();
        assert!(size("small.json") < 300);
        assert!((16 * 1024..18 * 1024).contains(&size("16k.json")), "{}", size("16k.json"));
        assert!((10_485_760 - 256..=10_485_760).contains(&size("big.json")), "{}", size("big.json"));
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
