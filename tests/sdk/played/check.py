"""Looks at bodies as a strict vendor does: what is missing, unknown or of the wrong type is refused by its path."""

import base64
import binascii
import json

from .script import Image, Refused

KINDS = {"text": str, "object": dict, "list": list, "flag": bool, "number": (int, float), "whole": int}


def members(value, path: str, required: dict, optional: dict | None = None, nulls: tuple = ()) -> dict:
    """An object with these members and no others; each table gives the kind of a member."""
    if not isinstance(value, dict):
        raise Refused(f"{path}: not an object")
    known = {**required, **(optional or {})}
    for name in required:
        if name not in value:
            raise Refused(f"{path}.{name}: missing")
    for name, member in value.items():
        if name not in known:
            raise Refused(f"{path}.{name}: unknown")
        if member is None and name in nulls:
            continue
        kind(member, f"{path}.{name}", known[name])
    return value


def kind(value, path: str, wanted: str) -> None:
    """`wanted`: names of kinds, or `=` and the words allowed."""
    if wanted == "any":
        return
    if wanted.startswith("="):
        if value not in wanted[1:].split("|"):
            raise Refused(f"{path}: {value!r} is not one of {wanted[1:]}")
        return
    allowed = tuple(KINDS[name] for name in wanted.split("|"))
    flat = tuple(one for entry in allowed for one in (entry if isinstance(entry, tuple) else (entry,)))
    if isinstance(value, bool) and bool not in flat or not isinstance(value, flat):
        raise Refused(f"{path}: {value!r} is not {wanted}")


def filled(text: str, path: str) -> str:
    if not text:
        raise Refused(f"{path}: empty")
    return text


def parsed(text: str, path: str) -> dict:
    """Arguments of a call, which are an object in JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        raise Refused(f"{path}: not JSON: {text!r}") from None
    if not isinstance(value, dict):
        raise Refused(f"{path}: not an object")
    return value


def unpacked(text: str, path: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Refused(f"{path}: not base64") from None


def data_url(url: str, path: str) -> Image:
    head, comma, data = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise Refused(f"{path}: not a data URL: {url[:40]!r}")
    return Image(head[5:-7], unpacked(data, path))


def alternate(turns: list, path: str) -> None:
    """The user begins, and then they take turns; results of tools are the user's."""
    for number, turn in enumerate(turns):
        wanted = "assistant" if number % 2 else "user"
        if ("user" if turn.role == "tool" else turn.role) != wanted:
            raise Refused(f"{path}[{number}]: {turn.role} where {wanted} must stand")
