"""What a visitor does: upload a picture of their own, wait for its caption, step through it, look at it in Compare."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from load.client import Client, Lost
from load.pictures import Upload, make

PLAYER = "sat_word_player"
STEPS = 2  # words that are looked at in each caption
THINK = (5.0, 15.0)  # seconds between two actions, drawn evenly; the report says so


@dataclass(frozen=True)
class Seen:
    """A caption on somebody's page: of which picture, by which model, and how long it took from the upload on.

    Attributes:
        at: when it was there, by the monotonic clock; page: explore or compare.
    """

    key: tuple[int, int, int]
    model: str
    words: tuple[str, ...]
    page: str
    seconds: float
    at: float


@dataclass
class Notes:
    """What all visitors saw."""

    seen: list[Seen] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)  # seconds
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # pictures or captions that were somebody else's
    waited: Counter[str] = field(default_factory=Counter)  # sentences that told to wait


class Visitor:
    """One visitor with a session of their own.

    Args:
        seed, number: which pictures are theirs; they begin with the picture ``first``.
        until: when to leave, by the monotonic clock.
        think: seconds between two actions, from and to.
        after: seconds until they arrive.
    """

    def __init__(
        self,
        address: str,
        notes: Notes,
        seed: int,
        number: int,
        until: float,
        think: tuple[float, float] = THINK,
        most: int | None = None,
        compares: bool = True,
        after: float = 0.0,
    ) -> None:
        self._address, self._notes, self._seed, self._number = address, notes, seed, number
        self._until, self._think, self._compares, self._after = until, think, compares, after
        self._most = most  # pictures
        self._made = 0
        self._random = random.Random(f"{seed}/{number}")

    async def visit(self) -> None:
        """Visit until it is time to leave; whoever is thrown out comes back."""
        await asyncio.sleep(self._after)
        await self._rest()
        while not self._over():
            try:
                async with Client(self._address) as client:
                    await client.run()
                    self._check(client)
                    await client.choose("source", "Upload")
                    while not self._over():
                        await self._round(client)
            except Exception as error:  # whatever it is, it is what the load has brought about
                self._notes.errors.append(f"visitor {self._number}: {type(error).__name__}: {str(error)[:300]}")
                await asyncio.sleep(1)

    def _over(self) -> bool:
        return time.monotonic() >= self._until or (self._most is not None and self._made >= self._most)

    async def _rest(self) -> None:
        pause = self._random.uniform(*self._think)
        await asyncio.sleep(max(0.0, min(pause, self._until - time.monotonic())))

    async def _round(self, client: Client) -> None:
        picture = await asyncio.to_thread(make, self._seed, self._number, self._made)
        self._made += 1
        await self._upload(client, picture, "explore", players=1)
        await self._step(client, picture)
        if self._compares and not self._over():
            await self._rest()
            await client.run(page="compare")
            await self._rest()
            await self._upload(client, picture, "compare", players=2)
            await self._rest()
            await client.run(page="")
        await self._rest()

    async def _upload(self, client: Client, picture: Upload, page: str, players: int) -> None:
        def there() -> bool:
            for sentence in client.said():
                if "before you" in sentence:
                    self._notes.waited[sentence.split(".")[0]] += 1
            if problems := client.problems():
                raise Lost(f"the page says {problems}")
            shown = client.components(PLAYER)
            return len(shown) == players and all(_of(data) == picture.digest[:12] for data in shown)

        seconds = await client.upload("upload", "picture.jpg", picture.data, "image/jpeg", there)
        shown = client.components(PLAYER)
        self._check(client)
        if len(shown) != players:
            raise Lost(f"there are {len(shown)} players, and {players} were to be expected")
        for data in shown:
            if _of(data) != picture.digest[:12]:
                self._notes.wrong.append(f"visitor {self._number}: {data['id']} in place of {picture.digest[:12]}")
            words = tuple(word["word"] for word in data["words"])
            model = data["id"].split("/")[1]
            self._notes.seen.append(Seen(picture.key, model, words, page, seconds, time.monotonic()))

    async def _step(self, client: Client, picture: Upload) -> None:
        for _ in range(STEPS):
            await self._rest()
            (data,) = client.components(PLAYER)
            if not data["words"] or self._over():
                return
            step = self._random.randrange(len(data["words"]))
            began = time.monotonic()
            await client.report(PLAYER, {"at": {"id": data["id"], "step": step}})
            self._notes.steps.append(time.monotonic() - began)
            self._check(client)
            word = f"“{data['words'][step]['word']}”"
            if word not in (said := [heading.body for heading in client.elements("heading")]):
                self._notes.wrong.append(f"visitor {self._number}: {word} is not among {said}")

    def _check(self, client: Client) -> None:
        if problems := client.problems():
            raise Lost(f"the page says {problems}")


def _of(data: dict[str, Any]) -> str:
    """The beginning of the digest of a player's picture."""
    return str(data["id"].split("/")[0])
