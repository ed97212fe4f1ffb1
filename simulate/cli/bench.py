"""The command bench: how fast is this machine?"""

from __future__ import annotations

from typing import Annotated

import typer

from simulate.cli.door import app, console, one_line
from simulate.options import Device, DeviceOption, Json


@app.command("bench")
@one_line
def bench(
    width: Annotated[int, typer.Option(help="Neurons k.")] = 4096,
    dim: Annotated[int, typer.Option(help="Input dimension d.")] = 1024,
    device: DeviceOption = Device.auto,
    rounds: Annotated[int, typer.Option(help="Times that every way is measured, in turn.")] = 3,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown to paste elsewhere.")] = False,
    as_json: Json = False,
) -> None:
    """How fast are the engines here, beside dense torch and beside the rate at which numbers can be drawn?"""
    import json

    from simulate.bench import document, render
    from simulate.experiments import device_named

    data = document(width, dim, device=device_named(device.value), rounds=rounds)
    if as_json:
        typer.echo(json.dumps(data, indent=1, allow_nan=False))
        return
    if markdown:
        typer.echo(f"Measured on {data['machine']}.\n")
    render(data, console(), markdown=markdown)
