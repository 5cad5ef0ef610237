"""Volumes as directories, with the owners and modes that the kubelet gives them."""

import os
from pathlib import Path
from typing import Any

from tests.e2e.cluster.objects import Object, Objects, played

_SETGID = 0o2000


def made(volume: Object, place: Path, claims: Path, objects: Objects, group: int) -> Path:
    """The directory of a volume. Raises `NotThere`."""
    (kind,) = set(volume) - {"name"}
    said = volume[kind]
    match kind:
        case "emptyDir":
            played(said, (), "emptyDir")
            place.mkdir(parents=True)
            place.chmod(0o777)
            _give(place, group, 0o660)
        case "persistentVolumeClaim":
            played(said, ("claimName",), kind)
            return _claimed(claims / said["claimName"], objects, group)
        case "configMap":
            _project(place, objects.contents("ConfigMap", said["name"]), said)
            _give(place, group, 0o440)
        case "secret":
            _project(place, objects.contents("Secret", said["secretName"]), said)
            _give(place, group, 0o440)
        case _:
            raise AssertionError(f"volumes of the kind {kind} are not played here")
    return place


def _claimed(place: Path, objects: Objects, group: int) -> Path:
    objects.get("PersistentVolumeClaim", place.name)
    if not place.exists():
        # A new disk, as mkfs.ext4 leaves it.
        place.mkdir(parents=True)
        (place / "lost+found").mkdir(mode=0o700)
    top = place.stat()
    # fsGroupChangePolicy: OnRootMismatch.
    if top.st_gid != group or not top.st_mode & _SETGID:
        _give(place, group, 0o660)
    return place


def _project(place: Path, contents: dict[str, str], said: dict[str, Any]) -> None:
    """Files behind two symbolic links, so that all of them can be replaced at once."""
    played(said, ("name", "secretName", "items", "defaultMode", "optional"), "volume")
    items = said.get("items", [{"key": key, "path": key} for key in contents])
    inner = place / "..2026_11_25_00_00_00.1"
    inner.mkdir(parents=True)
    place.chmod(0o777)
    (place / "..data").symlink_to(inner.name)
    for item in items:
        file = inner / item["path"]
        file.write_text(contents[item["key"]])
        file.chmod(item.get("mode", said.get("defaultMode", 0o644)))
        (place / item["path"]).symlink_to(f"..data/{item['path']}")


def _give(place: Path, group: int, mask: int) -> None:
    for path in (place, *place.rglob("*")):
        if path.is_symlink():
            os.lchown(path, -1, group)
            continue
        os.chown(path, -1, group)
        more = mask | (_SETGID | 0o110 if path.is_dir() else 0)
        path.chmod(path.stat().st_mode & 0o7777 | more)
