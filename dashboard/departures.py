"""A visitor who leaves in the middle of a message is no fault: the log does not take it for one."""

import logging

from tornado.websocket import WebSocketClosedError


class _Departures(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], WebSocketClosedError))


def expect_departures() -> None:
    """Keeps writes to a page that was just closed out of the log; Bokeh and Tornado leave their tasks unawaited."""
    logging.getLogger("asyncio").addFilter(_Departures())
