"""One session with a Streamlit server: what is on its page, and how to change it, as the browser's side does it.

Streamlit sends the page as messages with a place for every element (``delta_path``); the client answers with the state
of its widgets and asks for a run of the script. Elements that a run does not send again are gone when it has finished.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.FileUploader_pb2 import FileUploader
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

PATIENCE = 120.0  # seconds until something that does not come is an error
_LARGEST = 64 * 2**20  # bytes of a message
_XSRF = "_streamlit_xsrf"


class Lost(Exception):
    """The server did not answer as it should."""


@dataclass
class Shown:
    """An element on the page: what it is, the fragment that it belongs to, and the run that sent it."""

    element: Element
    fragment: str
    run: int


class Client:
    """A session. Use it with ``async with``; ``run`` and what follows wait until the page is what it should be.

    Args:
        address: of the server, ``http://...``.
        query: what follows the question mark in the address of the page.
    """

    def __init__(self, address: str, query: str = "") -> None:
        self._address = address
        self._shown: dict[tuple[int, ...], Shown] = {}
        self._spinners: dict[tuple[int, ...], list[str]] = {}
        self._states: dict[str, WidgetState] = {}
        self._pages: dict[str, str] = {}
        self._page, self._query, self._id = "", query, ""
        self._numbers = itertools.count(1)
        self._run, self._drawn = 0, set[str]()  # the number of this run, and the fragments that it has drawn
        self._changed, self._finished = asyncio.Event(), asyncio.Event()
        self._addresses: dict[str, Any] = {}
        self._ended: BaseException | None = None
        self.bytes = 0  # received

    async def __aenter__(self) -> Self:
        answer = await asyncio.to_thread(requests.get, f"{self._address}/_stcore/health", timeout=PATIENCE)
        answer.raise_for_status()
        self._cookies = {_XSRF: answer.cookies.get(_XSRF) or ""}
        token = self._cookies[_XSRF]
        url = f"ws://{urlsplit(self._address).netloc}/_stcore/stream"
        self._socket: ClientConnection = await connect(
            url,
            subprotocols=["streamlit", token] if token else ["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": f"{_XSRF}={token}", "Origin": self._address},
            max_size=_LARGEST,
            open_timeout=PATIENCE,
            ping_timeout=PATIENCE,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        self._reader.cancel()

    # What is on the page

    def elements(self, kind: str) -> list[Any]:
        """The elements of a kind (a field of Streamlit's ``Element``), in the order of the page."""
        found = sorted(self._shown.items())
        return [getattr(shown.element, kind) for _, shown in found if shown.element.WhichOneof("type") == kind]

    def components(self, name: str) -> list[dict[str, Any]]:
        """What the components of a name were given."""
        found = [proto for proto in self.elements("bidi_component") if proto.component_name == name]
        given = [json.loads(proto.json) for proto in found if proto.json]
        return [data[0] if isinstance(data, list) else data for data in given]  # as in sat.ui.untouched

    def problems(self) -> list[str]:
        """What the page says went wrong: exceptions, and boxes that are errors or warnings."""
        said = [f"exception: {e.type}: {e.message}" for e in self.elements("exception")]
        return said + [f"alert: {a.body}" for a in self.elements("alert") if a.format in (a.ERROR, a.WARNING)]

    def said(self) -> list[str]:
        """The text of the boxes that inform, and of the spinners that turn."""
        boxes = [a.body for a in self.elements("alert") if a.format == a.INFO]
        return boxes + [text for texts in self._spinners.values() for text in texts]

    # What can be done

    async def run(self, *, page: str | None = None, fragment: str = "") -> None:
        """Run the script, of another page if one is named, and wait until it has finished."""
        if page is not None:
            if self._pages and page not in self._pages:
                raise Lost(f"there is no page {page!r}, but {sorted(self._pages)}")
            self._page, self._query = self._pages.get(page, ""), ""
            self._states.clear()
        await self._send_run(fragment)
        await self.until(lambda: self._finished.is_set(), "the run does not end")

    async def until(self, reached: Callable[[], bool], otherwise: str, patience: float = PATIENCE) -> None:
        """Wait until the page is as it should be.

        Raises:
            Lost: that took too long, or the connection ended.
        """
        deadline = time.monotonic() + patience
        while not reached():
            if self._ended is not None:
                raise Lost(f"the connection ended: {self._ended!r}")
            self._changed.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                raise Lost(f"{otherwise} within {patience:.0f} s; the page says {self.problems() + self.said()}")
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                continue

    async def choose(self, key: str, option: str) -> None:
        """Press the button of a row of buttons."""
        group = self._keyed("button_group", key)
        found = [one for one in group.options if one.content == option]
        if not found:
            raise Lost(f"there is no {option!r} in {key!r}")
        state = WidgetState(id=group.id)
        state.string_array_value.data.append(f"{found[0].content_icon} {option}".strip())
        self._states[group.id] = state
        await self.run()

    async def upload(self, key: str, name: str, data: bytes, kind: str, reached: Callable[[], bool]) -> float:
        """Give a file to an uploader, in place of the one before; seconds until the page is as it should be."""
        uploader: FileUploader = self._keyed("file_uploader", key)
        began = time.monotonic()
        asked = f"{self._id}/{next(self._numbers)}"
        message = BackMsg()
        message.file_urls_request.request_id = asked
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self._id
        await self._socket.send(message.SerializeToString())
        await self.until(lambda: asked in self._addresses, "no address for an upload comes")
        urls = self._addresses.pop(asked)
        answer = await asyncio.to_thread(self._put, urls.upload_url, name, data, kind)
        if answer.status_code != 204:
            raise Lost(f"the upload was refused: {answer.status_code} {answer.text[:200]}")
        state = WidgetState(id=uploader.id)
        state.file_uploader_state_value.uploaded_file_info.add(
            file_id=urls.file_id, name=name, size=len(data), file_urls=urls
        )
        before, self._states[uploader.id] = self._states.get(uploader.id), state
        await self._send_run("")
        if before is not None:  # the browser has the server forget what was replaced
            for old in before.file_uploader_state_value.uploaded_file_info:
                await asyncio.to_thread(self._forget, old.file_urls.delete_url)
        await self.until(reached, "what was uploaded does not show")
        seconds = time.monotonic() - began
        await self.until(lambda: self._finished.is_set(), "the run does not end")
        return seconds

    async def report(self, component: str, value: dict[str, Any]) -> None:
        """Let the first component of a name report its state, which runs its fragment."""
        for _, shown in sorted(self._shown.items()):
            element = shown.element
            if element.WhichOneof("type") == "bidi_component" and element.bidi_component.component_name == component:
                id = element.bidi_component.id
                self._states[id] = WidgetState(id=id, json_value=json.dumps(value))
                await self.run(fragment=shown.fragment)
                return
        raise Lost(f"there is no {component} on the page")

    # Messages

    async def _send_run(self, fragment: str) -> None:
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.fragment_id = fragment
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        self._finished.clear()
        await self._socket.send(message.SerializeToString())

    def _put(self, address: str, name: str, data: bytes, kind: str) -> requests.Response:
        return requests.put(  # each on a connection of its own: the server closes idle ones, and a browser tries again
            self._address + urlsplit(address).path,
            files={"file": (name, data, kind)},
            headers=self._headers(),
            cookies=self._cookies,
            timeout=PATIENCE,
        )

    def _forget(self, address: str) -> None:
        requests.delete(
            self._address + urlsplit(address).path, headers=self._headers(), cookies=self._cookies, timeout=PATIENCE
        )

    def _headers(self) -> dict[str, str]:
        return {"X-Xsrftoken": self._cookies.get(_XSRF, ""), "Origin": self._address}

    def _keyed(self, kind: str, key: str) -> Any:
        for element in self.elements(kind):
            if element.id.endswith(f"-{key}"):
                return element
        raise Lost(f"there is no {kind} {key!r} on the page")

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                assert isinstance(data, bytes)
                self.bytes += len(data)
                message = ForwardMsg()
                message.ParseFromString(data)
                self._take(message)
                self._changed.set()
            self._ended = Lost("the server closed it")
        except Exception as error:
            self._ended = error
        self._changed.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._id = message.new_session.initialize.session_id or self._id
            self._run, self._drawn = self._run + 1, set()
        elif kind == "navigation":
            self._pages = {page.url_pathname: page.page_script_hash for page in message.navigation.app_pages}
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            for urls in message.file_urls_response.file_urls:
                self._addresses[message.file_urls_response.response_id] = urls
        elif kind == "delta":
            self._draw(message)
        elif kind == "script_finished":
            whole = message.script_finished == message.FINISHED_SUCCESSFULLY
            if whole or message.script_finished == message.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                self._shown = {
                    path: shown
                    for path, shown in self._shown.items()
                    if shown.run == self._run or not (whole or shown.fragment in self._drawn)
                }
            self._spinners.clear()
            if message.script_finished != message.FINISHED_EARLY_FOR_RERUN:
                self._finished.set()

    def _draw(self, message: ForwardMsg) -> None:
        path = tuple(message.metadata.delta_path)
        if message.delta.WhichOneof("type") == "new_element":
            self._shown[path] = Shown(message.delta.new_element, message.delta.fragment_id, self._run)
            self._drawn.add(message.delta.fragment_id)
        elif message.delta.WhichOneof("type") == "new_transient":
            turning = [e.spinner.text for e in message.delta.new_transient.elements if e.HasField("spinner")]
            self._spinners[path] = turning
        elif message.delta.WhichOneof("type") == "add_block":
            self._shown.pop(path, None)
