"""Watches the streams of quotes that positions hang on: one that falls silent is left.

Each stream with positions has one timer; when it is due the stream has either spoken meanwhile, or its positions go.
"""

from operators.book import BookState, Stream
from operators.leaving import Leaving


class Silence:
    """The watch over the streams of one book."""

    def __init__(self, book: BookState, leaving: Leaving) -> None:
        self.book, self.leaving = book, leaving

    def watch(self) -> None:
        """Sets the timers of the streams that have positions and no timer yet."""
        for scalp in self.book.scalps_in_order():
            name = self.book.stream_of(scalp.symbol)
            stream = self.book.stream(name)
            if not stream.watched:
                stream.watched = True
                self.book.set_timer(self._heard_ns(stream) + stream.silence_ns, "silence", name)

    def _heard_ns(self, stream: Stream) -> int:
        """When it spoke last; before the session's open nobody has to speak."""
        return max(stream.newest_ns, self.book.open_ns)

    def due(self, name: str) -> None:
        """Leaves the stream's positions if nothing came for too long while the market is open."""
        book, stream = self.book, self.book.stream(name)
        stream.watched = False
        scalps = [scalp for scalp in book.scalps_in_order() if book.stream_of(scalp.symbol) == name]
        if book.now_ns - self._heard_ns(stream) < stream.silence_ns:
            self.watch()
        elif book.open_ns <= book.now_ns < book.close_ns:
            for scalp in scalps:
                self.leaving.judge(scalp, self.leaving.situation(scalp, silent=True))
