# SPDX-License-Identifier: GPL-2.0-or-later
"""What metadata.txt says."""

from __future__ import annotations

import configparser
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def version() -> str:
    """Returns the plugin's version."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(Path(__file__).parent / "metadata.txt", encoding="utf-8")
    return parser.get("general", "version")
