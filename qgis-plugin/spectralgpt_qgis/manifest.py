# SPDX-License-Identifier: GPL-2.0-or-later
"""A model's description as lines for people."""

from __future__ import annotations

from typing import Any

from .texts import tr


def lines(described: dict[str, Any]) -> list[str]:
    """Returns what the model does and takes, what was assumed marked."""
    assumed = set(described.get("assumed", ()))

    def line(label: str, value: object, key: str) -> str:
        return f"{label}: {value}" + (f" ({tr('assumed')})" if key in assumed else "")

    side = described["chip_px"]
    unknown = tr("unknown")
    listed = [
        line(tr("Task"), described["task"], "task"),
        line(tr("Bands"), ", ".join(map(_channel, described["channels"])), "channels"),
        line(
            tr("Processing level"),
            described.get("processing_level") or unknown,
            "processing_level",
        ),
        line(tr("How it was fed"), described.get("profile") or unknown, "profile"),
        line(tr("Tile"), tr("{0} x {0} pixels").format(side), "chip_px"),
        line(tr("Resolution"), f"{described['ground_resolution_m']:g} m", "ground_resolution_m"),
        line(tr("Classes"), len(described["classes"]), "classes"),
    ]
    entries = described["classes"]
    listed += [f"  {entry['value']}: {entry['name']} ({entry['colour']})" for entry in entries]
    return listed


def _channel(channel: Any) -> str:
    """Names a channel: a band, or the mean of several."""
    if isinstance(channel, dict):
        if "band" in channel:
            return str(channel["band"])
        return tr("mean of {} bands").format(len(channel.get("mean", ())))
    return str(channel)
