"""Figures that become part of the page: each SVG inside it, with its caption, its words and how it was made."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulate.errors import BadInput

_PIXELS = {"pt": 4 / 3, "px": 1.0, "": 1.0, "in": 96.0}


@dataclass(frozen=True)
class Embedded:
    """A figure with everything that the page says about it.

    Attributes:
        name: on the command line.
        title, caption: in plain text.
        alt: what it shows, for those who cannot see it.
        address: the SVG itself, as a data address.
        width, height: in CSS pixels.
        made: quality and seed, in words.
        versions: of what measured and drew it.

    """

    name: str
    title: str
    caption: str
    alt: str
    address: str
    width: int
    height: int
    made: str
    versions: Mapping[str, str]


def load(directory: Path, order: Sequence[str] = ()) -> list[Embedded]:
    """The figures of a directory that `simulate figures --format svg` wrote.

    Args:
        directory: with NAME.svg and the sidecar NAME.json.
        order: names in the order in which they are to appear; others follow by name.

    Raises:
        BadInput: there is none, a sidecar is damaged, or an SVG is missing.

    """
    if not directory.is_dir():
        raise BadInput(
            f"{directory} is no directory: simulate figures --format svg --out {directory} makes it"
        )
    found = [one for one in map(_sidecar, sorted(directory.glob("*.json"))) if one is not None]
    if not found:
        raise BadInput(
            f"{directory} holds no figures: simulate figures --format svg --out {directory} writes them"
        )
    place = {name: number for number, name in enumerate(order)}
    found.sort(key=lambda one: (place.get(one["name"], len(place)), one["name"]))
    return [_embedded(one, directory) for one in found]


def _sidecar(path: Path) -> dict[str, Any] | None:
    """What a sidecar says; None for JSON that is something else."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    keys = ("name", "title", "caption", "alt", "quality", "versions")
    return data if isinstance(data, dict) and all(key in data for key in keys) else None


def _embedded(sidecar: Mapping[str, Any], directory: Path) -> Embedded:
    path = directory / f"{sidecar['name']}.svg"
    try:
        svg = path.read_bytes()
    except OSError as error:
        raise BadInput(
            f"cannot read {path}: {error.strerror or error}; simulate figures --format svg writes it"
        ) from error
    width, height = _size(svg, path)
    seed = sidecar.get("seed")
    return Embedded(
        name=sidecar["name"],
        title=sidecar["title"],
        caption=sidecar["caption"],
        alt=sidecar["alt"],
        address="data:image/svg+xml;base64," + base64.b64encode(svg).decode(),
        width=width,
        height=height,
        made=f"{sidecar['quality']} quality" + (f", seed {seed}" if seed is not None else ""),
        versions=sidecar["versions"],
    )


def _size(svg: bytes, path: Path) -> tuple[int, int]:
    """Width and height in CSS pixels, so that the page keeps their place free."""
    root = re.search(rb"<svg\b[^>]*>", svg)
    sizes = [
        re.search(rb"\b" + side + rb'="([\d.]+)([a-z]*)"', root[0]) if root else None
        for side in (b"width", b"height")
    ]
    if not all(size and size[2].decode() in _PIXELS for size in sizes):
        raise BadInput(f"{path} is no SVG with a width and a height")
    width, height = (round(float(size[1]) * _PIXELS[size[2].decode()]) for size in sizes if size)
    return width, height
