// Writes variables in the form that wrangler reads with --env-file: dotenv's quotes, then dotenv-expand's dollars.

import { ConfigError } from "./config.mjs";

/** The file's text. A value that no quotes of that form can hold is refused by its name. */
export function dotenv(variables) {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quoted(name, value)}\n`)
    .join("");
}

function quoted(name, value) {
  // dotenv has no escapes: the quotes must not occur inside, and a backslash must not stand before the last one.
  const escaped = value.replaceAll("$", "\\$");
  const quote = ["'", "`"].find((mark) => !escaped.includes(mark)) ?? '"';
  const lost = quote === '"' && (escaped.includes('"') || /\\[nr]/.test(escaped));
  if (lost || escaped.endsWith("\\") || value.includes("\r")) {
    throw new ConfigError(`${name}: a dotenv file cannot hold this value (all three kinds of quotes, or a backslash at its end)`);
  }
  return quote + escaped + quote;
}

/** JSON that survives any quotes and any cut between its escapes: what dotenv minds is written in hexadecimal. */
export function harmless(json) {
  const hexadecimal = (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return json.replace(/\\(.)|['`$]/g, (found, escaped) => (escaped === undefined || escaped === "\\" ? hexadecimal(found) : found));
}
