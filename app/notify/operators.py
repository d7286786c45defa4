"""Send messages to the addresses of operators: mail, chat, paging, webhooks, whatever apprise knows.

An address holds a password or a secret path, so it is never logged: it goes by its number in the setting.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from apprise import Apprise, NotifyType

from app.domain.alerts import Severity

log = structlog.get_logger()

# apprise and the HTTP library below it write whole URLs into their warnings and debug lines; what matters of
# them is logged here.
_CHATTY = ("apprise", "urllib3", "requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A title of one line, a body of plain text, and how bad the worst of it is; None: all good news."""

    title: str
    body: str
    severity: Severity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """How many addresses took a message and how many did not."""

    reached: int
    missed: int


class Operators:
    """Sends to every address in turn; each may take some eight seconds when its service hangs."""

    def __init__(self, urls: Sequence[str]) -> None:
        """Keep the addresses; apprise is imported at the first message, since it takes a while."""
        self._urls = tuple(urls)
        self._channels: tuple[tuple[int, Apprise], ...] | None = None

    def tell(self, message: Message) -> Delivered:
        """Send the message to every address. Never raises: an address that fails is logged and counted."""
        if self._channels is None:
            self._channels = _channels(self._urls)
        reached = 0
        for number, channel in self._channels:
            if channel.notify(title=message.title, body=message.body, notify_type=_type(message.severity)):
                reached += 1
            else:
                log.warning("alert.address_failed", address=number, of=len(self._urls))
        return Delivered(reached=reached, missed=len(self._urls) - reached)


def _channels(urls: Sequence[str]) -> tuple[tuple[int, Apprise], ...]:
    from apprise import Apprise  # noqa: PLC0415 - takes a tenth of a second, and only tellers need it

    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    made = []
    for number, url in enumerate(urls, start=1):
        channel = Apprise()
        if channel.add(url):
            made.append((number, channel))
        else:
            log.error(
                "alert.address_unreadable",
                address=number,
                hint="ORDERWIRE_ALERT_URLS: write it as apprise documents that service",
            )
    return tuple(made)


def _type(severity: Severity | None) -> NotifyType:
    from apprise import NotifyType  # noqa: PLC0415 - as above

    match severity:
        case None:
            return NotifyType.SUCCESS
        case Severity.CRITICAL:
            return NotifyType.FAILURE
        case Severity.WARNING:
            return NotifyType.WARNING
        case Severity.INFO:
            return NotifyType.INFO
