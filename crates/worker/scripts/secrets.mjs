// npm run secrets:deploy [-- --env E] [-- --dry-run]: sends what wharf.jsonc (or config.jsonc) holds as the Worker's secrets.
// Values go to `wrangler secret bulk` on its standard input; what is printed is names and counts.

import { spawn } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ConfigError, FOLDERS, PIECE_BYTES, locate, main, pieceName, pieces, read, references, sections, variables } from "./config.mjs";

/** Secrets that one call may carry (`wrangler secret bulk --help`). */
const BATCH = 100;

/** `{ secrets, missing }`: what is sent, and the names that sections refer to and nobody gave a value. */
export function secrets({ uppers, lowers }, environment = process.env) {
  const named = references(lowers);
  const given = named.filter((name) => environment[name]);
  const list = {
    ...variables(uppers, environment),
    ...Object.fromEntries(given.map((name) => [name, environment[name]])),
    ...pieces(sections(lowers)),
  };
  const large = Object.keys(list).find((name) => Buffer.byteLength(list[name]) > PIECE_BYTES);
  if (large) throw new ConfigError(`${large}: longer than the ${PIECE_BYTES} bytes that a Worker's variable holds`);
  return { secrets: list, missing: named.filter((name) => !environment[name]) };
}

/** Pieces of a longer configuration that was sent before; they would be read as a part of this one. */
export function stale(present, sent) {
  const piece = /^WHARF_CONFIG(_\d+)?$/;
  return present.filter((name) => piece.test(name) && !(name in sent));
}

/** Runs wrangler; resolves to what it wrote to standard output, or null when it failed. */
function wrangler(args, input, shown) {
  const child = spawn("wrangler", args, { cwd: FOLDERS[0], stdio: ["pipe", "pipe", shown ? "inherit" : "ignore"] });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
    if (shown) process.stdout.write(chunk);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0 ? text : null));
  });
}

/** Names of the secrets that the Worker has; none when it does not exist yet. */
async function present(chosen) {
  const text = await wrangler(["secret", "list", "--format", "json", ...chosen], "", false);
  try {
    return JSON.parse(text).map((one) => one.name);
  } catch {
    return [];
  }
}

async function send(list, chosen) {
  const all = Object.entries(list);
  for (let from = 0; from < all.length; from += BATCH) {
    const batch = Object.fromEntries(all.slice(from, from + BATCH));
    if ((await wrangler(["secret", "bulk", ...chosen], JSON.stringify(batch), true)) === null) return 1;
  }
  return 0;
}

async function deploy(argv) {
  const { values } = parseArgs({ args: argv, options: { env: { type: "string" }, "dry-run": { type: "boolean" } } });
  if (values.env !== undefined && !/^[A-Za-z0-9_-]+$/.test(values.env)) throw new ConfigError("--env takes letters, digits, - and _");
  const file = locate(values.env);
  if (file === null) throw new ConfigError("there is no wharf.jsonc and no config.jsonc, in this folder or at the repository's root");
  const { secrets: list, missing } = secrets(read(file));
  const names = Object.keys(list);
  if (names.length === 0) throw new ConfigError(`${path.basename(file)} holds nothing to send`);
  console.log(`${names.length} secrets of ${path.relative(process.cwd(), file)}:\n${names.map((name) => `  ${name}`).join("\n")}`);
  for (const name of missing) console.log(`${name} is referred to and not set here: wrangler secret put ${name}`);
  if (values["dry-run"]) {
    console.log("nothing was sent (--dry-run)");
    return 0;
  }
  const chosen = values.env === undefined ? [] : ["--env", values.env];
  const old = pieceName(0) in list ? stale(await present(chosen), list) : [];
  if (old.length > 0) console.log(`no longer needed, deleted: ${old.join(", ")}`);
  return send({ ...list, ...Object.fromEntries(old.map((name) => [name, null])) }, chosen);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(() => deploy(process.argv.slice(2)));
}
