"""The shop as the Graph shows it: the commerce account (CMS), its Page, the app that manages orders."""

from __future__ import annotations

from typing import Any

from sandbox.ledger.model import Shop
from sandbox.rules import assumed

from .schema import Field, NodeType, absent, plain

APP_ID = "600000000000017"  # the app whose secret signs; invented


def app_node(app_id: str, name: str) -> dict[str, Any]:
    """Return an Application as `order_management_apps` lists it."""
    return {"id": app_id, "name": name}


def _page(shop: Shop) -> dict[str, Any]:
    return {"id": shop.page_id, "name": shop.name}


@assumed("Only id comes by default on a commerce account, id and name on a Page", why="Graph API practice")
def _cms_defaults() -> dict[str, Field]:
    return {"id": Field(read=lambda _, shop: shop.cms_id, default=True)}


CMS = NodeType(
    name="CommerceMerchantSettings",
    fields={
        **_cms_defaults(),
        "display_name": Field(read=lambda _, shop: shop.name),
        "merchant_page": Field(read=lambda _, shop: _page(shop), of=plain("Page", "id", "name")),
        "merchant_status": Field(read=lambda _, __: "ENABLED"),
        "cta": Field(read=lambda _, __: "ONSITE_CHECKOUT"),
        **dict.fromkeys(
            ("contact_email", "facebook_channel", "instagram_channel", "payment_provider", "terms"), absent()
        ),
    },
)
PAGE = NodeType(
    name="Page",
    fields={
        "id": Field(read=lambda _, shop: shop.page_id, default=True),
        "name": Field(read=lambda _, shop: shop.name, default=True),
        "access_token": Field(read=lambda view, _: view.token),
        "commerce_merchant_settings": Field(read=lambda _, shop: [shop], of=CMS, wrapped=True),
    },
)
APP = plain("Application", "id", "name")
