"""Every key name of the ledger. RQ's own keys live beside these, under `rq:`.

A function returns one key; a `…_PREFIX` goes to the scripts that find the key of an id they read.
"""

from __future__ import annotations

from hashlib import sha256
from zlib import crc32

# Orders: one hash each, one timeline list each, and indexes scored by the platform's update time.
ORDER_PREFIX = "ow:order:"
TIMELINE_PREFIX = "ow:timeline:"
ORDERS = "ow:orders"
ORDERS_BY_STATE_PREFIX = "ow:orders:state:"
ORDERS_BY_REFERENCE_PREFIX = "ow:orders:reference:"

# The archive: where its orders stand in its files, by id and by reference, in hashes of many orders each,
# which Redis packs tightly; and the number of its last file.
ARCHIVED_PREFIX = "ow:archive:at:"
ARCHIVED_BY_REFERENCE_PREFIX = "ow:archive:reference:"
ARCHIVE_FILES = "ow:archive:files"
# A hash stays packed up to 128 fields on Redis (512 on Valkey): 8 million archived orders.
ARCHIVE_BUCKETS = 65_536

# Commands: one hash each, one lane list an order, and indexes scored by the time of creation.
COMMAND_PREFIX = "ow:command:"
LANE_PREFIX = "ow:lane:"
COMMANDS = "ow:commands"
COMMANDS_BY_STATUS_PREFIX = "ow:commands:status:"
COMMANDS_BY_KIND_PREFIX = "ow:commands:kind:"
COMMANDS_BY_ORDER_PREFIX = "ow:commands:order:"
# Scored by due time, one index a kind of command.
DUE_PREFIX = "ow:due:"
# The same per kind and shop, for drain loops: no shop waits behind the burst of another.
DUE_OF_PREFIX = "ow:due_of:"
# Acknowledgements of one shop that wait to go out together, scored by their creation.
GATHERING_PREFIX = "ow:gathering:"
# AdmissionStates: one hash a shop, and its paused commands scored by their creation.
ADMISSION_PREFIX = "ow:admission:"
PAUSED_PREFIX = "ow:paused:"
# Tokens that an operator put in, sealed, by shop; `TOKENS_VERSION` counts their changes.
TOKENS = "ow:tokens"
TOKENS_VERSION = "ow:tokens:version"

# Drift: orders scored by when a webhook last named them, differences to be judged, and a stream of the found.
HINTED = "ow:hinted"
DRIFT_SUSPECTS = "ow:drift:suspects"
DRIFT = "ow:drift"

# Scored by the end of the lease.
LEASES = "ow:leases"
# Active consumers of a kind in a shop, scored by when they stop counting.
CONSUMERS_PREFIX = "ow:active_consumers:"

# Webhooks: two streams, how many entries the rows of the first hold, and the marks of what was seen.
INBOX = "ow:inbox"
INBOX_ENTRIES = "ow:inbox:entries"
KEPT = "ow:kept"
SEEN_PREFIX = "ow:seen:"
IDENTITY_PREFIX = "ow:identity:"
KEPT_MARK_PREFIX = "ow:kept:seen:"
COUNTERS = "ow:counters"

# What is pending: one hash a subject, a sorted set by due time, one sequence for all.
PENDING_SEQUENCE = "ow:pending:sequence"
PENDING_ORDERS = "ow:pending:orders"
PENDING_ORDER_PREFIX = "ow:pending:order:"
# The same orders once more, by the shop that they are known to belong to.
PENDING_BY_SHOP_PREFIX = "ow:pending:of:"
PENDING_SHOPS = "ow:pending:shops"
PENDING_SHOP_PREFIX = "ow:pending:shop:"

# What `scripts/_places.lua` splits.
COMMAND_PREFIXES = f"{LANE_PREFIX} {ORDER_PREFIX} {TIMELINE_PREFIX} {DUE_PREFIX} {COMMANDS_BY_STATUS_PREFIX}"
COMMAND_PREFIXES += (
    f" {COMMAND_PREFIX} {PAUSED_PREFIX} {PENDING_ORDER_PREFIX} {PENDING_BY_SHOP_PREFIX} {DUE_OF_PREFIX}"
)

# Alerts: one hash each, the latest alert of each cause, indexes scored by the time they opened (closed
# ones by the time they closed), and the news operators were not told yet, scored by when to tell it.
ALERT_PREFIX = "ow:alert:"
ALERT_CAUSES = "ow:alerts:causes"
ALERTS = "ow:alerts"
ALERTS_BY_STATE_PREFIX = "ow:alerts:state:"
ALERTS_UNTOLD = "ow:alerts:untold"
# The causes whose alerts lapse, scored by when.
ALERTS_LAPSING = "ow:alerts:lapsing"
# What the watch remembers from look to look.
WATCH = "ow:watch"

# API keys: records by digest, and the digest of each key id.
API_KEY_PREFIX = "ow:apikey:"
API_KEYS = "ow:apikeys"


def order(order_id: str) -> str:
    """Hash: the copy of one order."""
    return ORDER_PREFIX + order_id


def timeline(order_id: str) -> str:
    """List: the timeline of one order, oldest first."""
    return TIMELINE_PREFIX + order_id


def orders_by_state(state: str) -> str:
    """Sorted set: the orders in one state."""
    return ORDERS_BY_STATE_PREFIX + state


def orders_by_reference(reference: str) -> str:
    """Sorted set: the orders that carry one merchant_order_reference."""
    return ORDERS_BY_REFERENCE_PREFIX + reference


def archived(order_id: str) -> str:
    """Hash: by order id, the places of some of the archived orders, this one's among them."""
    return f"{ARCHIVED_PREFIX}{_bucket(order_id)}"


def archived_by_reference(reference: str) -> str:
    """Hash: by merchant_order_reference, ids of archived orders as a JSON list, for some references."""
    return f"{ARCHIVED_BY_REFERENCE_PREFIX}{_bucket(reference)}"


def command(command_id: str) -> str:
    """Hash: one command with its attempts."""
    return COMMAND_PREFIX + command_id


def lane(order_id: str) -> str:
    """List: the open commands of one order, the head first."""
    return LANE_PREFIX + order_id


def commands_by_status(status: str) -> str:
    """Sorted set: the commands of one status."""
    return COMMANDS_BY_STATUS_PREFIX + status


def commands_by_kind(kind: str) -> str:
    """Sorted set: the commands of one kind."""
    return COMMANDS_BY_KIND_PREFIX + kind


def commands_by_order(order_id: str) -> str:
    """Sorted set: all commands of one order, finished ones too."""
    return COMMANDS_BY_ORDER_PREFIX + order_id


def due(kind: str) -> str:
    """Sorted set: the lane heads of one kind that wait to run."""
    return DUE_PREFIX + kind


def due_of(kind: str, shop_id: str) -> str:
    """Sorted set: those of them that are of one shop."""
    return f"{DUE_OF_PREFIX}{kind}:{shop_id}"


def active_consumers(kind: str, shop_id: str) -> str:
    """Sorted set: the active consumers of one kind in one shop."""
    return f"{CONSUMERS_PREFIX}{kind}:{shop_id}"


def seen(digest: str) -> str:
    """Text: the mark of one entry's content, unless the record of its identity is its mark."""
    return SEEN_PREFIX + digest


def identity(entry_identity: str) -> str:
    """Text: the digest and the place of what came first under one entry id; its mark."""
    return IDENTITY_PREFIX + entry_identity


def pending_order(order_id: str) -> str:
    """Hash: the sync pending for one order."""
    return PENDING_ORDER_PREFIX + order_id


def pending_shop(shop_id: str) -> str:
    """Hash: the reconciliation pending for one shop."""
    return PENDING_SHOP_PREFIX + shop_id


def idempotency(caller: str, key: str) -> str:
    """Hash: the first answer given to one caller under one of its keys, which may be any text."""
    return f"ow:idempotency:{caller}:{sha256(key.encode()).hexdigest()}"


def api_key(digest: str) -> str:
    """Hash: one API key, found by the digest of its secret."""
    return API_KEY_PREFIX + digest


def alerts_by_state(state: str) -> str:
    """Sorted set: the alerts that are open, or those that are closed."""
    return ALERTS_BY_STATE_PREFIX + state


def shop(shop_id: str) -> str:
    """Hash: how far the reconciliation of one shop has come."""
    return f"ow:shop:{shop_id}"


def admission(shop_id: str) -> str:
    """Hash: the admission state of one shop."""
    return ADMISSION_PREFIX + shop_id


def gathering(shop_id: str) -> str:
    """Sorted set: the acknowledgements of one shop that wait for a batch."""
    return GATHERING_PREFIX + shop_id


def pending_by_shop(shop_id: str) -> str:
    """Sorted set: the orders of one shop that are pending a sync, by due time."""
    return PENDING_BY_SHOP_PREFIX + shop_id


def paused(shop_id: str) -> str:
    """Sorted set: the paused commands of one shop."""
    return PAUSED_PREFIX + shop_id


def _bucket(text: str) -> str:
    return f"{crc32(text.encode()) % ARCHIVE_BUCKETS:x}"
