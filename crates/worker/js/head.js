// Heads of requests and answers as lines, the way wasm reads and writes them. A value never holds a line's end.

// Method, URL, country, data centre, then names and values in turn.
export function head(request) {
  const { cf } = request;
  let text = `${request.method}\n${request.url}\n${line(cf?.country)}\n${line(cf?.colo)}`;
  for (const [name, value] of request.headers) text += `\n${name}\n${value}`;
  return text;
}

const line = (value) => (typeof value === "string" ? value : "");

// Names and values in turn, from `at`. A plain object costs the platform a third of what an array of pairs does; without
// a prototype no header's name means anything else.
export function headers(lines, at) {
  const found = Object.create(null);
  for (; at + 1 < lines.length; at += 2) {
    const name = lines[at];
    found[name] = name in found ? `${found[name]}, ${lines[at + 1]}` : lines[at + 1];
  }
  return found;
}
