"""An image as its archive (docker-archive) has it: configuration, and the files of each layer."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT / "build/image/roadbike.tar"


@dataclass(frozen=True)
class File:
    """A file of a layer. read: returns its content."""

    path: str
    mode: int
    size: int
    content: bytes | None


@dataclass(frozen=True)
class Image:
    archive: Path
    config: dict[str, Any]
    layers: tuple[str, ...]

    def files(self) -> Iterator[File]:
        """Yield every regular file of every layer, also of those that a later one hides."""
        with tarfile.open(self.archive) as whole:
            for name in self.layers:
                packed = whole.extractfile(name)
                assert packed is not None
                with tarfile.open(fileobj=packed, mode="r|*") as layer:
                    for member in layer:
                        if member.isfile():
                            file = layer.extractfile(member)
                            content = file.read() if file else None
                            yield File("/" + member.name, member.mode, member.size, content)


@contextmanager
def opened(archive: Path = ARCHIVE) -> Iterator[Image]:
    """Yield the image. Raises FileNotFoundError when it was not built (`make image`)."""
    with tarfile.open(archive) as whole:
        (manifest,) = json.loads(_member(whole, "manifest.json"))
        config = json.loads(_member(whole, manifest["Config"]))
    yield Image(archive, config, tuple(manifest["Layers"]))


def _member(whole: tarfile.TarFile, name: str) -> bytes:
    file = whole.extractfile(name)
    assert file is not None
    return file.read()
