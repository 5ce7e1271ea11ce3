"""Lists that come in pages: all of them or none."""

from collections.abc import Awaitable, Callable
from typing import Any

from flows.brokers.alpaca.wording import Json
from flows.brokers.port import Unclear


async def whole(what: str, page: Callable[[Json | None], Awaitable[Any]], size: int) -> list[Json]:
    """All items, by `id`, in their order; `page` gives up to `size` of them, from about the last one on.

    Raises Unclear for what is no list, and where a full page brings nothing new.
    """
    found: dict[str, Json] = {}
    last: Json | None = None
    while True:
        items = await page(last)
        if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
            raise Unclear(f"Alpaca's list of {what} is none")
        fresh = {item["id"]: item for item in items if item["id"] not in found}
        found |= fresh
        if len(items) < size:
            return list(found.values())
        if not fresh:
            raise Unclear(f"Alpaca's list of {what} does not go on after {len(found)} of them")
        last = items[-1]
