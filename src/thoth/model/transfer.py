"""One HTTP request for a model: which answers are taken, and the bytes that come put into a partial file.

Range requests and their conditions follow RFC 9110, sections 13.1.5 (If-Range) and 14.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from thoth.model.partial import PartialFile

MODEL_MAGIC = b"lmgg"
"""The first bytes of every ggml model: 0x67676d6c, little-endian."""

PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one download; every wait in it ends.

    `attempts` counts faults in a row that brought no real progress; waits between them double from
    `first_backoff_s` to `longest_backoff_s`. A connection slower than `slowest_bytes_per_s` over a
    whole `read_timeout_s` counts as a fault.
    """

    connect_timeout_s: float = 10.0
    read_timeout_s: float = 30.0
    slowest_bytes_per_s: int = 1024
    attempts: int = 5
    first_backoff_s: float = 0.5
    longest_backoff_s: float = 30.0
    redirects: int = 5
    lock_timeout_s: float = 3600.0


class Fault(Exception):
    """Something that may pass by itself: worth another try."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Refusal(Exception):
    """Something that another try would not mend: this is not the place the model comes from."""


class Transfer:
    """One try at the rest of a model. Used by one thread, under the lock of the download."""

    def __init__(
        self,
        client: httpx.Client,
        url: str,
        part: PartialFile,
        total_bytes: int,
        limits: Limits,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._client = client
        self._url = url
        self._part = part
        self._total = total_bytes
        self._limits = limits
        self._on_bytes = on_bytes

    def run(self) -> None:
        """Bring the partial file to its full size, or raise Fault or Refusal saying why not."""
        try:
            with self._client.stream("GET", self._url, headers=self._part.resume_headers()) as response:
                start = self._accepted_start(response)
                self._receive(response, start)
        except httpx.TooManyRedirects as error:
            raise Refusal(f"more than {self._limits.redirects} redirects") from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise Refusal(f"{error}") from error
        except httpx.TimeoutException as error:
            raise Fault(f"the server did not answer in time ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise Fault(f"{error}" or type(error).__name__) from error

    def _accepted_start(self, response: httpx.Response) -> int:
        """Return the position that the body starts at; Fault or Refusal if it cannot be the model."""
        self._check_status(response)
        if "html" in response.headers.get("Content-Type", "").lower():
            raise Refusal("a web page came instead of a model")
        start = self._range_start(response) if response.status_code == httpx.codes.PARTIAL_CONTENT else 0
        expected = self._total - start
        offered = int(response.headers.get("Content-Length", expected))
        if offered != expected:
            raise Refusal(f"the server offers {offered} bytes where the catalogue has {expected}")
        return start

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            return
        answer = f"HTTP {status} {response.reason_phrase}"
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._part.discard()
            raise Fault(f"{answer}: what was there of it does not fit, starting over", wait_s=0.0)
        if status in PASSING_STATUSES:
            asked = response.headers.get("Retry-After", "")
            raise Fault(answer, wait_s=float(asked) if asked.isdecimal() else None)
        raise Refusal(answer)

    def _range_start(self, response: httpx.Response) -> int:
        content_range = response.headers.get("Content-Range", "")
        wanted = f"bytes {self._part.size}-"
        if not content_range.startswith(wanted):
            self._part.discard()
            raise Fault(f"{content_range!r} came where {wanted!r} was asked, starting over", wait_s=0.0)
        return self._part.size

    def _receive(self, response: httpx.Response, start: int) -> None:
        chunks = response.iter_raw()
        chunk = next(chunks, b"")
        # Checked before the partial file is touched: a login page must not cost what has arrived.
        if start == 0 and not MODEL_MAGIC.startswith(chunk[: len(MODEL_MAGIC)]):
            raise Refusal(f"what came is not a model: it starts with {chunk[:16]!r}")
        if not chunk:
            raise Fault("the connection ended before the first byte")
        pace = _Pace(self._limits, start)
        done = start
        with self._part.writer(start, response.headers.get("ETag")) as file:
            while chunk:
                done += len(chunk)
                if done > self._total:
                    break
                file.write(chunk)
                file.flush()  # a killed process then loses nothing that arrived
                self._on_bytes(done)
                pace.check(done)
                chunk = next(chunks, b"")
        if done > self._total:
            self._part.discard()
            raise Refusal(f"the server sent more than the {self._total} bytes of the catalogue")
        if done < self._total:
            raise Fault(f"the connection ended after {done} of {self._total} bytes")


class _Pace:
    """Ends a connection that trickles: each read comes in time, yet it would take for ever."""

    def __init__(self, limits: Limits, done: int) -> None:
        self._window_s = limits.read_timeout_s
        self._least_bytes = limits.slowest_bytes_per_s * limits.read_timeout_s
        self._since = time.monotonic()
        self._done_then = done

    def check(self, done: int) -> None:
        now = time.monotonic()
        if now - self._since < self._window_s:
            return
        if done - self._done_then < self._least_bytes:
            raise Fault(f"the connection brought only {done - self._done_then} bytes in {self._window_s:g} s")
        self._since, self._done_then = now, done
