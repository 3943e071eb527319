"""Whose move it is, in words. Text only."""

from __future__ import annotations

from collections.abc import Mapping

from claudecheck.report import Owner

MOVES: Mapping[Owner, str] = {
    "you": "your move",
    "network": "your network team's move",
    "gateway": "the gateway operator's move",
    "anthropic": "Anthropic's move",
}
