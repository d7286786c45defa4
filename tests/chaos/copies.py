"""Comparing our copy of an order with the platform's, member by member, money to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

Json = dict[str, Any]


def differences(ours: Json | None, theirs: Json) -> list[str]:
    """Return what differs, in words; `ours` as GET /v1/orders shows it, `theirs` as the sandbox does."""
    if ours is None:
        return [f"we do not know this order, the platform has it in {theirs['state']}"]
    return [
        f"{what}: ours {mine}, the platform's {its}"
        for what, mine, its in (
            ("state", ours["state"], theirs["state"]),
            ("reference", ours["merchant_order_reference"], theirs["merchant_order_reference"]),
            ("units", _our_units(ours), _their_units(theirs)),
            ("shipments", _our_parcels(ours), _their_parcels(theirs)),
            ("cancellations", _our_cancellations(ours), _their_cancellations(theirs)),
            ("refunds", _our_refunds(ours), _their_refunds(theirs)),
        )
        if mine != its
    ]


def same(ours: Json | None, theirs: Json) -> bool:
    """Whether nothing differs that anybody could know of."""
    return not differences(ours, theirs) if ours is not None or theirs.get("listed", True) else True


def _our_units(order: Json) -> Json:
    return {
        item["id"]: (
            item["quantity"],
            item["status"]["in_progress"],
            item["status"]["fulfilled"],
            item["status"]["cancelled"],
            item["refunded_quantity"],
        )
        for item in order["items"]
    }


def _their_units(order: Json) -> Json:
    return {
        item["id"]: (item["quantity"], item["open"], item["shipped"], item["cancelled"], item["refunded"])
        for item in order["items"]
    }


def _our_parcels(order: Json) -> Json:
    return {
        parcel["id"]: (
            parcel["external_shipment_id"],
            parcel["tracking"]["tracking_number"] if parcel["tracking"] else None,
            parcel["tracking"]["carrier"].upper() if parcel["tracking"] else None,
            sorted((line["item_id"], line["quantity"]) for line in parcel["items"]),
        )
        for parcel in order["shipments"]
    }


def _their_parcels(order: Json) -> Json:
    return {
        parcel["id"]: (
            parcel["external_shipment_id"],
            parcel["tracking_number"],
            parcel["carrier"].upper() if parcel["carrier"] else None,
            sorted((line["id"], line["quantity"]) for line in parcel["items"]),
        )
        for parcel in order["shipments"]
    }


def _our_cancellations(order: Json) -> Json:
    return {
        entry["id"]: (
            entry["reason_code"],
            sorted((line["item_id"], line["quantity"]) for line in entry["items"]),
        )
        for entry in order["cancellations"]
    }


def _their_cancellations(order: Json) -> Json:
    return {
        entry["id"]: (entry["reason_code"], sorted((line["id"], line["quantity"]) for line in entry["items"]))
        for entry in order["cancellations"]
    }


def _our_refunds(order: Json) -> Json:
    return {
        entry["id"]: (entry["reason_code"], Decimal(entry["amount"]["amount"]) if entry["amount"] else None)
        for entry in order["refunds"]
    }


def _their_refunds(order: Json) -> Json:
    return {entry["id"]: (entry["reason_code"], Decimal(entry["total"])) for entry in order["refunds"]}
