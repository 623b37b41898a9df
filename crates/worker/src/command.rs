//! What JavaScript is to do: a list of words, each command a tag and its numbers. Texts and bodies stay in our memory
//! and are named by place and length; they are kept until the next call, by when JavaScript has copied them.
//!
//! `js/commands.js` reads exactly this.

use bytes::Bytes;

/// What a command is; the numbers behind it are named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Tag {
    /// `op limit`: read the client's body whole.
    Collect = 1,
    /// `op`: read a piece of the client's body.
    Receive = 2,
    /// `op head_ms text(method, URL, egress, then header lines) body_kind …`: kind 0 none; 1 bytes: `n (place length)*`;
    /// 2 the client's stream: `place length` of what was read already, then its whole length or `UNKNOWN`.
    Send = 3,
    /// `op body idle_ms`: read a piece of an answer.
    Read = 4,
    /// `op body idle_ms`: read all of an answer, which is short and not in a coding.
    Whole = 19,
    /// `op ms`: wait.
    Sleep = 5,
    /// `op ms text(shard, op as JSON)`: ask a Durable Object.
    Call = 6,
    /// `op`: nobody waits for it any more.
    Cancel = 7,
    /// `body`: nobody reads it any more.
    Drop = 8,
    /// `status text(header lines) kind …`: 0 no body; 1 bytes: `place length`; 2 an answer as it
    /// came but for its headers: `body`, and the text is names to take out, then header lines to put in;
    /// 3 an answer that is relayed: `body idle_ms quiet_ms look_ms length`, then the first piece: `place length`; when
    /// `quiet_ms` is over, `quiet` is called (0: never); with `look_ms` it goes on as it comes, and is shown to us so often,
    /// else it is what we make of it; its whole length, or `UNKNOWN`;
    /// 4 pieces of our own: `pace_ms n (place length)*`;
    /// 5 an answer whose body was read: as 2, then the body: `place length`, or 0 0 for what `Whole` gave.
    Respond = 9,
    /// `text`: a line of the access log.
    Log = 10,
    /// Work goes on behind the answer.
    Deferred = 11,
    /// The work behind the answer is done.
    Idle = 12,
    /// `place length over`: what a piece became; `over` is 1 when nothing more would go to the client.
    Piece = 13,
    /// `place length abort`: what goes out at the end of an answer, and whether the client's transport is cut.
    End = 14,
    /// `text`: the new state and the reply, as JSON. Empty: the step cannot be done.
    Stepped = 15,
    /// `text`: a line for the operator about the configuration.
    Notice = 16,
    /// `op text(hint)`: see whether the Durable Object that calls from this region leave through is there.
    Reach = 17,
    /// `place length wait_ms over`: a sign of life for the client, when to ask again (0: never), and whether the answer's
    /// time is over.
    Quiet = 18,
}

/// A length that is not known.
pub const UNKNOWN: u32 = u32::MAX;

/// The commands of one call.
#[derive(Debug, Default)]
pub struct Commands {
    /// Their number first, once they are finished.
    words: Vec<u32>,
    kept: Vec<Bytes>,
}

impl Commands {
    /// Begins anew; what the last call's commands named may be gone now.
    pub fn clear(&mut self) {
        self.words.clear();
        self.words.push(0);
        self.kept.clear();
    }

    /// Where they are.
    pub fn finished(&mut self) -> *const u32 {
        let length = self.words.len() as u32;
        if let Some(first) = self.words.first_mut() {
            *first = length;
        }
        self.words.as_ptr()
    }

    /// A command with its numbers.
    pub fn put(&mut self, tag: Tag, numbers: &[u32]) {
        self.words.push(tag as u32);
        self.words.extend_from_slice(numbers);
    }

    /// Them, without their number.
    pub fn list(&self) -> &[u32] {
        self.words.get(1..).unwrap_or_default()
    }

    /// More numbers of the last command.
    pub fn numbers(&mut self, numbers: &[u32]) {
        self.words.extend_from_slice(numbers);
    }

    /// Bytes as place and length.
    pub fn bytes(&mut self, bytes: Bytes) {
        // On the one target that has JavaScript around it, an address is 32 bits.
        self.words.extend_from_slice(&[bytes.as_ptr() as usize as u32, bytes.len() as u32]);
        if !bytes.is_empty() {
            self.kept.push(bytes);
        }
    }
}
