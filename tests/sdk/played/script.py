"""What every played model says and demands, whatever format it speaks: the scenario stands in the model's name, behind `--`.

A format's module reads a request into `Asked` and writes an `Answer`; between them stands `play`.
"""

import base64
from dataclasses import dataclass, field

WORDS = ["Ships", " dock", " at", " the wharf", " — ✓"]
TEXT = "".join(WORDS)
THOUGHTS = ["The tide", " comes first."]
THOUGHT = "".join(THOUGHTS)
QUESTION = "When is high tide? ✓"
SYSTEM = "You are the harbour master."
CALLS = [("tide", {"port": "Hamburg", "when": ["día", 1.5, None, {"deep": True}]}), ("tide", {"port": "Bremen"})]
RESULTS = {"Hamburg": "noon", "Bremen": "four o'clock"}
BESIDE = "I look it up."
FORM = {"port": "Hamburg", "metres": 4}
FORM_TEXT = '{"port": "Hamburg", "metres": 4}'
PATCH = "*** Begin Patch\n*** Add File: quay.txt\n+ship \"one\"\n*** End Patch\n"
RETRY_SECONDS = 7
# What each vendor's model wants back; both that sell a Claude know its state.
STATES = {vendor: base64.b64encode(f"what {vendor} thought ÿ".encode() * 4).decode() for vendor in ("claude", "gemini", "gpt")}
# One white pixel.
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEANl9ngAAAAABJRU5ErkJggg==")


@dataclass
class Text:
    text: str


@dataclass
class Image:
    kind: str
    data: bytes


@dataclass
class Think:
    text: str
    state: str | None = None


@dataclass
class Call:
    """`arguments` is an object; `id` is None where the format has none, in an answer where any will do."""

    name: str
    arguments: dict
    id: str | None = None
    state: str | None = None


@dataclass
class Result:
    text: str
    id: str | None = None
    name: str | None = None


@dataclass
class Turn:
    """`role` is user, assistant or tool."""

    role: str
    parts: list


@dataclass
class Asked:
    """A request, understood."""

    model: str
    stream: bool = False
    system: list[str] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    tools: dict[str, dict] = field(default_factory=dict)
    choice: str = "auto"
    schema: dict | None = None
    reasoning: bool = False
    limit: int | None = None
    usage: bool = True
    # The state that the format hands out, and wants back; some are signatures of the whole thought beside them.
    state: str | None = None
    signed: bool = False

    @property
    def scenario(self) -> str:
        return self.model.partition("--")[2].split(".")[0]

    @property
    def stateless(self) -> bool:
        """The caller's SDK is known to drop opaque state."""
        return self.model.endswith(".stateless")


@dataclass
class Usage:
    """Every format is told these in its own arithmetic."""

    input: int = 29
    cached: int = 8
    output: int = 17
    reasoning: int = 5


@dataclass
class Answer:
    """What is said. `end`: stop, calls or length; a stream may also end in `error`, `cut` or `short`."""

    parts: list
    end: str = "stop"
    usage: Usage = field(default_factory=Usage)


class Refused(Exception):
    """The request breaks the format's rules or the script's."""


class Limited(Exception):
    """Too many requests."""


def demand(holds, why: str) -> None:
    if not holds:
        raise Refused(why)


def play(asked: Asked) -> Answer:
    """The answer to a request."""
    scene = SCENES.get(asked.scenario)
    demand(scene, f"no scenario {asked.scenario!r}")
    return scene(asked)


def said(asked: Asked, turn: int = -1) -> str:
    return "".join(part.text for part in asked.turns[turn].parts if isinstance(part, Text))


def text(asked: Asked) -> Answer:
    demand(asked.turns and asked.turns[-1].role == "user", "the last turn is not the user's")
    demand(said(asked) == QUESTION, f"the question came as {said(asked)!r}")
    demand(not asked.system or asked.system == [SYSTEM], f"the system text came as {asked.system!r}")
    return Answer([Text(TEXT)])


def system(asked: Asked) -> Answer:
    demand(asked.system == [SYSTEM], f"the system text came as {asked.system!r}")
    return text(asked)


def length(asked: Asked) -> Answer:
    demand(asked.limit == 64, f"the limit came as {asked.limit!r}")
    return Answer([Text(TEXT)], end="length")


def think(asked: Asked) -> Answer:
    demand(asked.reasoning, "no reasoning was asked for")
    return Answer([Think(THOUGHT, asked.state), Text(TEXT)])


def image(asked: Asked) -> Answer:
    pictures = [part for part in asked.turns[-1].parts if isinstance(part, Image)]
    demand([(one.kind, one.data) for one in pictures] == [("image/png", PNG)], "the image did not arrive")
    return text(asked)


def form(asked: Asked) -> Answer:
    """Structured output: by schema, or by a tool that must be called."""
    if asked.schema is None:
        demand(len(asked.tools) == 1 and asked.choice in ("required", "unknown", *asked.tools), "no schema arrived, and no tool in its place")
        ((name, schema),) = asked.tools.items()
        wants_form(schema)
        return Answer([Call(name, FORM)], end="calls")
    wants_form(asked.schema)
    return Answer([Text(FORM_TEXT)])


def agent(asked: Asked) -> Answer:
    """A coding agent's request: much around it, one call, and a result."""
    demand(asked.system, "no system text")
    demand(all(name in asked.tools for name in ("Read", "tide")), f"the tools came as {sorted(asked.tools)}")
    if len(asked.turns) > 1 and asked.turns[-1].role == "user":
        # What the harness says beside the results is a turn of its own in some formats.
        asked.turns.pop()
    return calls(asked, CALLS)


def wants_form(schema: dict) -> None:
    fields = schema.get("properties", {})
    demand(set(fields) == {"port", "metres"}, f"the schema's properties came as {sorted(fields)}")
    demand(fields["metres"].get("type", "").lower() == "integer", "the type of `metres` was lost")
    demand(set(schema.get("required", [])) == {"port", "metres"}, "`required` was lost")


def one_call(asked: Asked) -> Answer:
    return calls(asked, CALLS[:1])


def two_calls(asked: Asked) -> Answer:
    return calls(asked, CALLS)


def calls(asked: Asked, wanted: list) -> Answer:
    demand("tide" in asked.tools, f"the tools came as {sorted(asked.tools)}")
    demand("port" in asked.tools["tide"].get("properties", {}), "the tool's schema was lost")
    if asked.turns[-1].role != "tool":
        made = [Call(name, arguments) for name, arguments in wanted]
        made[0].state = asked.state
        return Answer([Think(THOUGHT, asked.state), *made], end="calls")
    asking, calling, answering = asked.turns[-3:]
    demand((asking.role, calling.role) == ("user", "assistant"), "the turns are out of order")
    made = [part for part in calling.parts if isinstance(part, Call)]
    demand([(call.name, call.arguments) for call in made] == wanted, f"the calls came back as {made}")
    results = answering.parts
    demand(len(results) == len(made), f"{len(results)} results for {len(made)} calls")
    for call, result in zip(made, ordered(made, results)):
        demand(RESULTS[call.arguments["port"]] in result.text, f"{call.arguments['port']} got {result.text!r}")
    remembered(asked, calling)
    return Answer([Text(TEXT)])


def remembered(asked: Asked, turn: Turn) -> None:
    """The state came back, and no other vendor's."""
    states = {part.state for part in turn.parts if isinstance(part, (Call, Think))} - {None}
    demand(states == {asked.state} - {None} or asked.stateless and not states, f"the state came back as {states}")
    for part in turn.parts:
        # What was thought stands in the signature too; a piece of the text would contradict it.
        signed = asked.signed and isinstance(part, Think) and part.state
        demand(not signed or part.text in ("", THOUGHT), f"a thought came back as {part}")


def ordered(made: list[Call], results: list[Result]) -> list[Result]:
    """The results in the order of their calls: by id, or as they stand where the format has no ids."""
    if made[0].id is None:
        demand([one.name for one in results] == [one.name for one in made], "the results are not named as their calls")
        return results
    by_id = {result.id: result for result in results}
    demand(len(by_id) == len(results), "two results have one id")
    demand(set(by_id) == {call.id for call in made}, f"results for {sorted(by_id)}, calls {sorted(call.id for call in made)}")
    return [by_id[call.id] for call in made]


def patch(asked: Asked) -> Answer:
    """A coding agent's: a tool that takes text, which formats without such are told as a function."""
    demand("apply_patch" in asked.tools, f"the tools came as {sorted(asked.tools)}")
    if asked.turns[-1].role != "tool":
        return Answer([Think(THOUGHT, asked.state), Call("apply_patch", {"input": PATCH}, state=asked.state)], end="calls")
    (call,) = [part for part in asked.turns[-2].parts if isinstance(part, Call)]
    demand((call.name, call.arguments) == ("apply_patch", {"input": PATCH}), f"the call came back as {call}")
    (result,) = asked.turns[-1].parts
    demand(result.id == call.id and "Done" in result.text, f"the result came as {result}")
    remembered(asked, asked.turns[-2])
    return Answer([Text(TEXT)])


def forced(asked: Asked) -> Answer:
    """One of two tools must be called."""
    told = asked.choice == "tide" or asked.choice == "required" and set(asked.tools) == {"tide"} or asked.choice == "unknown"
    demand(told, f"the choice came as {asked.choice!r} of {sorted(asked.tools)}")
    return Answer([Call(*CALLS[0])], end="calls")


def loop(asked: Asked) -> Answer:
    """An agent's work: one call after the other, with words and thoughts beside each."""
    asking, *steps = asked.turns
    demand(asking.role == "user" and len(steps) % 2 == 0, f"the turns are {[turn.role for turn in asked.turns]}")
    for calling, answering, (name, arguments) in zip(steps[::2], steps[1::2], CALLS):
        demand((calling.role, answering.role) == ("assistant", "tool"), "the turns are out of order")
        made = [part for part in calling.parts if isinstance(part, Call)]
        demand([(call.name, call.arguments) for call in made] == [(name, arguments)], f"the calls came back as {made}")
        demand(BESIDE in "".join(part.text for part in calling.parts if isinstance(part, Text)), "what was said beside a call was lost")
        (result,) = ordered(made, answering.parts)
        demand(RESULTS[arguments["port"]] in result.text, f"{arguments['port']} got {result.text!r}")
        remembered(asked, calling)
    done = len(steps) // 2
    if done == len(CALLS):
        return Answer([Text(TEXT)])
    return Answer([Think(THOUGHT, asked.state), Text(BESIDE), Call(*CALLS[done], id=f"step{done}", state=asked.state)], end="calls")


def group(asked: Asked) -> Answer:
    """A coding agent's: a tool in a group, which formats without such are told by one name."""
    (name,) = [name for name in asked.tools if name.endswith("tide")]
    if asked.turns[-1].role == "tool":
        (call,) = [part for part in asked.turns[-2].parts if isinstance(part, Call)]
        demand(call.name == name, f"the call came back as {call.name!r}")
        return Answer([Text(TEXT)])
    # Some models forget the group.
    bare = asked.model.endswith(".bare")
    return Answer([Call("tide" if bare else name, CALLS[0][1])], end="calls")


def limit(_asked: Asked) -> Answer:
    raise Limited


def ends(how: str):
    def scene(_asked: Asked) -> Answer:
        return Answer([Text(TEXT)], end=how)

    return scene


def early(_asked: Asked) -> Answer:
    return Answer([], end="error")


SCENES = {
    "text": text, "system": system, "length": length, "think": think, "image": image, "form": form, "tool": one_call,
    "tools": two_calls, "patch": patch, "agent": agent, "group": group, "forced": forced, "loop": loop, "limit": limit, "late": ends("error"), "cut": ends("cut"), "short": ends("short"), "early": early,
}


def pieces(text: str) -> list[str]:
    """A text in a few pieces, none of them empty."""
    size = max(1, -(-len(text) // 4))
    return [text[at:at + size] for at in range(0, len(text), size)]
