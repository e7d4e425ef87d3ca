"""The fixture package with a storage backend, and packages made up on the spot, installed without a network."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

PLUGIN = Path(__file__).parent / "integration/storage/plugin"


def install_plugin(site: Path) -> Path:
    """Put the fixture package where its pyproject.toml says, as an installer would; returns `site`, for sys.path."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())
    for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]:
        site.mkdir(parents=True, exist_ok=True)
        shutil.copy(PLUGIN / name, site)
    declare(site, project["project"]["name"], project["project"]["entry-points"]["gilfoyle.storage"])
    return site


def declare(site: Path, package: str, points: dict[str, str]) -> None:
    """The metadata of an installed package: its entry points for storage backends, name → `module:object`."""
    info = site / f"{package.replace('-', '_')}-1.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
    lines = [f"{name} = {target}" for name, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[gilfoyle.storage]", *lines, ""]))
