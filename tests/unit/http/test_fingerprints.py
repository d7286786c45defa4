"""The exact fingerprints of requests that carry an Idempotency-Key.

A fingerprint is stored for 72 hours and compared when the key comes again, also with a newer release of
Orderwire: were it to change, a repeated request would be refused as another one. These values never change.
"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from starlette.requests import Request

from app.http.idempotency import _fingerprint
from app.http.requests.changes import (
    AcknowledgementRequest,
    AcknowledgementsRequest,
    CancellationRequest,
    DismissalRequest,
    RefundRequest,
    ShipmentRequest,
    TrackingChangeRequest,
)

ORDER = "/v1/orders/35001"
COMMAND = "/v1/commands/01JAAAAAAAAAAAAAAAAAAAAAAA"
TRACKING = {"carrier": "ups", "tracking_number": " 1Z9 "}
PARCEL = {"carrier": "FEDEX", "tracking_number": "JD1", "shipping_method_name": "Größe M"}
MONEY = {"amount": "5.00", "currency": "USD"}

REQUESTS: list[tuple[str, str, type[BaseModel] | None, dict[str, Any], str]] = [
    (
        "POST",
        f"{ORDER}/acknowledgement",
        None,
        {},
        "2149f9e4f6d8856fdfe765f453d8b9a74434c1046e0bbf51e81a580ec0aa34e7",
    ),
    (
        "POST",
        f"{ORDER}/acknowledgement",
        AcknowledgementRequest,
        {},
        "2149f9e4f6d8856fdfe765f453d8b9a74434c1046e0bbf51e81a580ec0aa34e7",
    ),
    (
        "POST",
        f"{ORDER}/acknowledgement",
        AcknowledgementRequest,
        {"merchant_order_reference": "A-ß 1"},
        "2d6327ceea7c2237ff7694bcaff2cf8569e6e70cb4abb306eb3aa1fb0683a7c5",
    ),
    (
        "POST",
        "/v1/acknowledgements",
        AcknowledgementsRequest,
        {"orders": [{"order_id": "35001"}]},
        "09d44572db1b82567c5056857e8ae3eaa097ab83a99b0ef86b0737dac3423335",
    ),
    (
        "POST",
        "/v1/acknowledgements",
        AcknowledgementsRequest,
        {"orders": [{"order_id": "35002"}, {"order_id": "35001", "merchant_order_reference": "A"}]},
        "e1d0dc7aab05beb1655c6ef1b7eb0b9744cb65b55dafdcb2743a02a45a2091a0",
    ),
    (
        "POST",
        f"{ORDER}/shipments",
        ShipmentRequest,
        {"ship_all_remaining": True, "tracking": TRACKING},
        "beb5fdf8dc653b7ad2209e4647d0dd19451e35b54b49cb908094c16be21d23ba",
    ),
    (
        "POST",
        f"{ORDER}/shipments",
        ShipmentRequest,
        {
            "items": [{"item_id": "1", "quantity": 2}, {"retailer_id": "mug", "quantity": 1}],
            "tracking": PARCEL,
            "external_shipment_id": "wh_17",
            "merchant_order_reference": "A-1",
        },
        "408bc5178539918e03a5a010f0264e907bfda70ef413c952f0a788d7e22aef90",
    ),
    (
        "PATCH",
        f"{ORDER}/shipments/wh_17",
        TrackingChangeRequest,
        {"tracking": PARCEL},
        "117f3abbd3d784391900292734a1ed73382fd550efe2970921e3720147212069",
    ),
    (
        "POST",
        f"{ORDER}/cancellations",
        CancellationRequest,
        {"reason_code": "OUT_OF_STOCK"},
        "6bb01243a9ac3bdafa09c9ce1905ebfdf712e6b4afc1175f7cb249eba9f5b36e",
    ),
    (
        "POST",
        f"{ORDER}/cancellations",
        CancellationRequest,
        {
            "items": [{"item_id": "1", "quantity": 2}],
            "reason_code": "CANCEL_REASON_OTHER",
            "reason_description": "gone",
            "restock_items": True,
        },
        "543b21dc87dcfdb5e984e60114b7faf1c82ade3a7d46c6cf38ebc2ee29a5f71d",
    ),
    (
        "POST",
        f"{ORDER}/refunds",
        RefundRequest,
        {"full": True, "reason_code": "WRONG_ITEM"},
        "cd7e7afdf3ccb4ef967bfe33b7e1b9eb40d5328acfab44ef3248f889d5f4a390",
    ),
    (
        "POST",
        f"{ORDER}/refunds",
        RefundRequest,
        {
            "items": [{"item_id": "1", "quantity": 1}, {"item_id": "2", "amount": MONEY}],
            "reason_code": "DAMAGED_GOODS",
            "reason_text": "sorry",
            "shipping": MONEY,
            "deductions": [{"deduction_type": "RETURN_SHIPPING", "amount": MONEY}],
        },
        "db7d2c03f03ba0a185aa1a183cef14e212f0e619fc35d229b1b2d0d8e30d39b3",
    ),
    ("POST", f"{ORDER}/sync", None, {}, "d63ea84ed9b92a460ba8361ff7869d19664c29e8eb18ec2af2870d5cc10c3c11"),
    (
        "POST",
        f"{COMMAND}/replay",
        None,
        {},
        "5d1bd86273f060e8bf5624324656de8a6d2c170fcd1207f8cd0ad94d363e104b",
    ),
    (
        "POST",
        f"{COMMAND}/dismiss",
        DismissalRequest,
        {"reason": "refunded by hand"},
        "1aa8a5bd898c49e1ffb7ac6d042cc9655ab91fdf18a5343a4ada9a9189aa71e6",
    ),
]


@pytest.mark.parametrize(("method", "path", "model", "body", "fingerprint"), REQUESTS)
def test_a_request_has_exactly_this_fingerprint(
    method: str, path: str, model: type[BaseModel] | None, body: dict[str, Any], fingerprint: str
) -> None:
    request = Request(
        {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [(b"host", b"x")]}
    )
    assert _fingerprint(request, model.model_validate(body) if model else None) == fingerprint
