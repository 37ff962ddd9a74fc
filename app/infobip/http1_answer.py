"""A connection's HTTP/1.1 answers as their bytes come in. Parsing is llhttp's (httptools), which
is strict.
"""

import httptools

from app.infobip.errors import Unreachable

Headers = list[tuple[bytes, bytes]]

_LONGEST_HEAD_BYTES = 65_536
"""Also of what comes between pieces of a body: sizes of chunks, trailers."""
_MOST_HEADERS = 100
_SWITCHING = 101
"""The one informational status that nothing follows, or nothing of HTTP."""
_NO_CONTENT = 204
_CODING = b"transfer-encoding"
_LENGTHS = {b"content-length", _CODING}
_LENGTHS_OF_NAMES = {len(name) for name in _LENGTHS}


class Http1Answer:
    """One answer after the other, each from `begin` on.

    `status` and `headers` (names as they came) are there when it `has_head`.
    `is_last` where the connection cannot carry another call after this answer.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.begin(is_to_head=False)

    def begin(self, *, is_to_head: bool) -> None:
        """Another request is sent, after whose answer this one was not the last."""
        self.status = 0
        self.headers: Headers = []
        self.has_head = False
        self.is_whole = False
        self.is_last = True
        self.untaken_bytes = 0
        self._is_to_head = is_to_head
        self._ends_with_connection = False
        self._pieces: list[bytes] = []
        self._bytes_without_sense = 0

    @property
    def is_taken(self) -> bool:
        """Whether it is whole and all of its body was taken."""
        return self.is_whole and not self._pieces

    def feed(self, data: bytes | memoryview) -> None:
        """Take in what came. Raises Unreachable for what is no answer."""
        if self.is_whole:
            self.is_last = True  # nobody asked for more
            return
        self._bytes_without_sense += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.is_whole:
                raise Unreachable(type(error).__name__) from error
            self.is_last = True
        if self._bytes_without_sense > _LONGEST_HEAD_BYTES:
            raise Unreachable("a head without end")

    def end(self) -> None:
        """The connection has ended, which may be the answer's end."""
        if self.has_head and self._ends_with_connection:
            self.is_whole = True

    def take(self) -> bytes:
        """What has come of the body since the last time."""
        pieces = self._pieces
        taken = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.untaken_bytes = 0
        return taken

    # What the parser tells. What is raised here ends the parsing.

    def on_message_begin(self) -> None:
        if self.is_whole:
            raise ValueError("nobody asked for another one")
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # else it is a trailer
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != _SWITCHING:
            return  # all of these together make no sense, however many come
        if len(self.headers) > _MOST_HEADERS:
            raise ValueError("too many headers")
        self._bytes_without_sense = 0
        is_doubtful = self._judge_length(status)
        self.status, self.has_head = status, True
        self.is_whole = self._is_to_head or status == _SWITCHING
        self.is_last = self.is_whole or is_doubtful or not self._parser.should_keep_alive()

    def _judge_length(self, status: int) -> bool:
        """Whether others might see the end elsewhere: the parser is more generous than RFC 9112."""
        lengths = [
            (lower, value)
            for name, value in self.headers
            if len(name) in _LENGTHS_OF_NAMES and (lower := name.lower()) in _LENGTHS
        ]
        self._ends_with_connection = not lengths
        if not lengths:
            return False
        name, value = lengths[0]
        if name == _CODING:
            if len(lengths) > 1 or value.strip().lower() != b"chunked":
                raise ValueError("a coding that was not asked for")
            return status == _NO_CONTENT or self._parser.get_http_version() != "1.1"
        return status == _NO_CONTENT  # what it announces may follow

    def on_body(self, body: bytes) -> None:
        if self.is_whole or not self.has_head:
            raise ValueError("a body where there is none")
        self._bytes_without_sense = 0
        self._pieces.append(body)
        self.untaken_bytes += len(body)

    def on_message_complete(self) -> None:
        self.is_whole = self.has_head  # else it was an informational one
