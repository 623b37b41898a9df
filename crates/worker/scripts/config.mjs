// Reads wharf.jsonc (or config.jsonc) for the Worker's scripts: upper-case members become variables, lower-case
// sections the text of WHARF_CONFIG. What the members mean is the Worker's own business. No message quotes a value.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseTree, printParseErrorCode } from "jsonc-parser";

/** The Worker's folder, then the repository's root: where a configuration is looked for. */
export const FOLDERS = ["..", "../../.."].map((up) => path.resolve(path.dirname(fileURLToPath(import.meta.url)), up));

/** Bytes of UTF-8 that a variable of a Worker holds (https://developers.cloudflare.com/workers/platform/limits/). */
export const PIECE_BYTES = 5120;

const UPPER = /^[A-Z][A-Z0-9_]*$/;
const REFERENCE = /^env:\s*([A-Za-z_][A-Za-z0-9_]*)$/;
const CALLERS = ["PROXY_API_KEY", "ALLOWED_PROXY_KEYS"];

/** What the user has to put right. */
export class ConfigError extends Error {}

/** The file to read, or null. With `environment` its own file (`wharf.staging.jsonc`) goes first. */
export function locate(environment = null, folders = FOLDERS) {
  const stems = ["wharf", "config"];
  const names = [...(environment ? stems.map((stem) => `${stem}.${environment}.jsonc`) : []), ...stems.map((stem) => `${stem}.jsonc`)];
  return names.flatMap((name) => folders.map((folder) => path.join(folder, name))).find((file) => existsSync(file)) ?? null;
}

/** The file apart by kind of member: `{ uppers, lowers }`. A `null` is left out, but a caller key may not be null. */
export function read(file) {
  const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  const whole = parsed(text, path.basename(file));
  const uppers = {};
  const lowers = {};
  for (const [name, value] of Object.entries(whole)) {
    if (name === "$schema") continue;
    if (!UPPER.test(name)) lowers[name] = value;
    else if (value !== null) uppers[name] = value;
    else if (CALLERS.includes(name)) throw new ConfigError(`${name}: null would open the gateway; name a key, or take the member out`);
  }
  return { uppers, lowers };
}

function parsed(text, name) {
  const errors = [];
  const options = { allowTrailingComma: true };
  const whole = parse(text, errors, options);
  if (errors.length > 0) {
    const line = text.slice(0, errors[0].offset).split("\n").length;
    throw new ConfigError(`${name}, line ${line}: ${printParseErrorCode(errors[0].error)}`);
  }
  const tree = parseTree(text, [], options);
  if (tree?.type !== "object") throw new ConfigError(`${name}: the file must hold one object`);
  const names = tree.children.map((property) => property.children[0].value);
  const twice = names.find((member, index) => names.indexOf(member) !== index);
  if (twice !== undefined) throw new ConfigError(`${name}: the member ${twice} is there twice`);
  return whole;
}

/** The upper-case members as a Worker's variables: text, JSON of arrays, `true`. `env:NAME` is looked up in `environment`. */
export function variables(uppers, environment = process.env) {
  const list = {};
  for (const [name, value] of Object.entries(uppers)) {
    const text = variable(name, value, environment);
    if (text !== "") list[name] = text;
    else if (CALLERS.includes(name)) throw new ConfigError(`${name}: empty would open the gateway; name a key, or take the member out`);
  }
  return list;
}

function variable(name, value, environment) {
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") {
    if (!value.includes("env:")) return value.trim() === "" ? "" : value;
    return joined(value.split(",").flatMap((piece) => resolved(name, piece, environment)));
  }
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) {
    return joined(value.flatMap((piece) => resolved(name, piece, environment)));
  }
  if (Array.isArray(value) && name === "CUSTOM_OPENAI_ENDPOINTS") return JSON.stringify(endpoints(value, environment));
  throw new ConfigError(`${name}: must be text, an array of text, or true or false`);
}

function endpoints(list, environment) {
  return list.map((one, index) => {
    if (one?.apiKeys === undefined || one.apiKeys === null) return one;
    const keys = typeof one.apiKeys === "string" && !one.apiKeys.includes("env:") ? one.apiKeys : [one.apiKeys].flat();
    if (typeof keys === "string") return one;
    return { ...one, apiKeys: keys.flatMap((key) => resolved(`CUSTOM_OPENAI_ENDPOINTS[${index}].apiKeys`, key, environment)) };
  });
}

function joined(pieces) {
  const filled = pieces.map((piece) => piece.trim()).filter((piece) => piece !== "");
  return filled.length === 0 ? "" : JSON.stringify(filled);
}

function resolved(at, piece, environment) {
  if (typeof piece !== "string") throw new ConfigError(`${at}: must be text`);
  if (!piece.trim().startsWith("env:")) return [piece];
  const name = REFERENCE.exec(piece.trim())?.[1];
  if (!name) throw new ConfigError(`${at}: after env: comes the name of a variable`);
  const value = environment[name]?.trim();
  if (!value) throw new ConfigError(`${at}: the environment variable ${name} is not set`);
  if (!value.startsWith("[")) return value.split(",");
  try {
    return JSON.parse(value).map(String);
  } catch {
    throw new ConfigError(`${at}: the environment variable ${name} is no JSON array`);
  }
}

/** Names of the variables that the sections' keys refer to; a key that is written out is refused by its path. */
export function references(lowers) {
  const names = new Set();
  for (const [provider, section] of Object.entries(lowers.providers ?? {})) {
    const keys = section?.keys;
    if (keys === undefined || keys === null) continue;
    const list = typeof keys === "string" ? keys.split(",") : keys;
    const path = `providers.${provider}.keys`;
    if (!Array.isArray(list)) throw new ConfigError(`${path}: must be text or an array of text`);
    for (const [index, key] of list.entries()) {
      if (typeof key === "string" && key.trim() === "") continue;
      const name = typeof key === "string" ? REFERENCE.exec(key.trim())?.[1] : undefined;
      if (!name) throw new ConfigError(`${path}[${index}]: on Workers a key is a secret; write "env:NAME" and set NAME as one`);
      names.add(name);
    }
  }
  return [...names];
}

/** The sections as one text, or null when there are none. Keys that are written out are refused. */
export function sections(lowers) {
  references(lowers);
  return Object.keys(lowers).length === 0 ? null : JSON.stringify(lowers);
}

/** `{ WHARF_CONFIG, WHARF_CONFIG_2, … }`: the sections cut into what a variable holds, never inside a character or a JSON escape. */
export function pieces(text) {
  const list = [""];
  let bytes = 0;
  for (const part of (text ?? "").match(/\\u[0-9a-fA-F]{4}|\\.|./gsu) ?? []) {
    const more = Buffer.byteLength(part);
    if (bytes + more > PIECE_BYTES) {
      list.push("");
      bytes = 0;
    }
    list[list.length - 1] += part;
    bytes += more;
  }
  return Object.fromEntries(list.filter((piece) => piece !== "").map((piece, index) => [pieceName(index), piece]));
}

export const pieceName = (index) => (index === 0 ? "WHARF_CONFIG" : `WHARF_CONFIG_${index + 1}`);

/** Runs a script: what the user has to put right is said in one line, without a stack. */
export async function main(script) {
  try {
    process.exitCode = (await script()) ?? 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
