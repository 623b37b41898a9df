//! JSON is written from front to back into one buffer; commas are put by the writer.

/// Writes JSON. Values follow each other as an array's items do; `name` begins an object's member.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    out: Vec<u8>,
    /// A value was written at this level, so a comma has to come before the next.
    comma: bool,
}

impl Writer {
    /// A writer with room for this many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), comma: false }
    }

    /// A writer that goes on behind what is in the buffer.
    #[must_use]
    pub const fn behind(out: Vec<u8>) -> Self {
        Self { out, comma: false }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// What was written, as text.
    #[must_use]
    pub fn into_string(self) -> String {
        // Only text and ASCII is ever put in.
        String::from_utf8(self.out).unwrap_or_default()
    }

    fn value(&mut self) {
        if std::mem::replace(&mut self.comma, true) {
            self.out.push(b',');
        }
    }

    /// Begins an object.
    pub fn begin(&mut self) -> &mut Self {
        self.value();
        self.out.push(b'{');
        self.comma = false;
        self
    }

    /// Ends an object.
    pub fn end(&mut self) -> &mut Self {
        self.out.push(b'}');
        self.comma = true;
        self
    }

    /// Begins an array.
    pub fn list(&mut self) -> &mut Self {
        self.value();
        self.out.push(b'[');
        self.comma = false;
        self
    }

    /// Ends an array.
    pub fn end_list(&mut self) -> &mut Self {
        self.out.push(b']');
        self.comma = true;
        self
    }

    /// Begins a member; its value comes next.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.string(name);
        self.out.push(b':');
        self.comma = false;
        self
    }

    /// A string.
    pub fn string(&mut self, text: &str) -> &mut Self {
        self.value();
        self.out.push(b'"');
        escape(text, &mut self.out);
        self.out.push(b'"');
        self
    }

    /// A string of several parts.
    pub fn strings(&mut self, parts: &[&str]) -> &mut Self {
        self.value();
        self.out.push(b'"');
        for part in parts {
            escape(part, &mut self.out);
        }
        self.out.push(b'"');
        self
    }

    /// A whole number.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.raw(&number.to_string())
    }

    /// A float, in the shortest form that means the same; what is not finite becomes null.
    pub fn float(&mut self, float: f64) -> &mut Self {
        if !float.is_finite() {
            return self.null();
        }
        #[expect(clippy::cast_possible_truncation, reason = "the guard leaves whole numbers that fit")]
        if float.fract() == 0.0 && float.abs() < 1e15 {
            return self.raw(&(float as i64).to_string());
        }
        self.raw(&float.to_string())
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// `null`.
    pub fn null(&mut self) -> &mut Self {
        self.raw("null")
    }

    /// JSON that is written already.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.value();
        self.out.extend_from_slice(json.as_bytes());
        self
    }

    /// A tree: objects, arrays and numbers as they were written.
    pub fn json(&mut self, json: &super::Json<'_>) -> &mut Self {
        match json {
            super::Json::String(text) => self.string(text),
            other => self.raw(&other.raw()),
        }
    }

    /// A member with a string.
    pub fn member(&mut self, name: &str, text: &str) -> &mut Self {
        self.name(name).string(text)
    }

    /// A member with a string, where there is one.
    pub fn member_if(&mut self, name: &str, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.member(name, text),
            None => self,
        }
    }

    /// A member with a whole number, where there is one.
    pub fn number_if(&mut self, name: &str, number: Option<u64>) -> &mut Self {
        match number {
            Some(number) => self.name(name).number(number),
            None => self,
        }
    }

    /// A member with a float, where there is one.
    pub fn float_if(&mut self, name: &str, float: Option<f64>) -> &mut Self {
        match float {
            Some(float) => self.name(name).float(float),
            None => self,
        }
    }

    /// A member with a boolean, where there is one.
    pub fn bool_if(&mut self, name: &str, value: Option<bool>) -> &mut Self {
        match value {
            Some(value) => self.name(name).bool(value),
            None => self,
        }
    }
}

/// Writes a string's inside. Only what must be escaped is: RFC 8259, section 7.
fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    let mut high = 0;
    loop {
        let stop = crate::scan::plain_end(bytes, start, &mut high);
        out.extend_from_slice(bytes.get(start..stop).unwrap_or_default());
        let Some(&byte) = bytes.get(stop) else { return };
        match byte {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            other => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let [high, low] = [other >> 4, other & 15].map(|digit| DIGITS[usize::from(digit)]);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
        }
        start = stop + 1;
    }
}
