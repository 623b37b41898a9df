// Heads of requests and answers as lines, the way wasm reads and writes them. A value never holds a line's end.

// Method, URL, country, data centre, then names and values in turn.
export function head(request) {
  const { cf } = request;
  return `${request.method}\n${request.url}\n${line(cf?.country)}\n${line(cf?.colo)}${list(request.headers)}`;
}

// A line for each name and each value.
export function list(headers) {
  let text = "";
  for (const [name, value] of headers) text += `\n${name}\n${value}`;
  return text;
}

// An answer as it came but for its headers: `change` has the names to take out in its first line, then names and
// values to put in. The platform copies the rest for less than a list of them costs.
export function changed(response, change, status, body) {
  const init = status === response.status ? response : { status, headers: response.headers };
  const answer = new Response(body, init);
  const lines = change.split("\n");
  const { headers } = answer;
  if (lines[0] !== "") for (const name of lines[0].split(",")) headers.delete(name);
  for (let at = 1; at + 1 < lines.length; at += 2) headers.set(lines[at], lines[at + 1]);
  return answer;
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
