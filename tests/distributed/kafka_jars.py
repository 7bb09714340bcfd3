"""Apache Kafka itself, fetched once from Maven Central into the user's cache.

`python -m tests.distributed.kafka_jars` fetches it before the tests, and says so. Maven and
Java 17 are needed; afterwards no network is. Versions are pinned, and Maven compares every file
with its checksum.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Final

KAFKA: Final = "4.1.1"
LOG4J: Final = "2.24.3"  # the version of log4j-core that this Kafka brings
PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
TRIES: Final = 3
POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{KAFKA}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J}</version>
    </dependency>
  </dependencies>
</project>
"""


@cache
def jars() -> Path:
    """Return the folder with Kafka and all that it needs."""
    folder = _folder()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            fetched = _fetch(Path(temporary))
            if not folder.is_dir():  # another run may have been faster
                fetched.rename(folder)
    return folder


def main() -> None:
    """Fetch what is missing, and say what is done."""
    if _folder().is_dir():
        return
    began = time.monotonic()
    _say(f"Fetching Kafka {KAFKA} from Maven Central (once; 43 MB, and 25 MB of Maven's own) …")
    count = len(list(jars().iterdir()))
    _say(f"{count} files in {time.monotonic() - began:.0f} s")


def _folder() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "roadbike-tests" / f"kafka-{KAFKA}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fetch(folder: Path) -> Path:
    assert shutil.which("mvn"), "Maven is needed once, to fetch Kafka (Debian: apt install maven)"
    (folder / "pom.xml").write_text(POM)
    command = ["mvn", "-q", "-B", "-C", "-f", str(folder / "pom.xml"), PLUGIN]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"]
    for again in range(TRIES):  # what was fetched is kept, so the next try goes on there
        done = subprocess.run([*command, *options], check=False, timeout=300)  # noqa: S603
        if done.returncode == 0:
            return folder / "jars"
        _say(f"Maven has failed ({again + 1} of {TRIES})")
    raise AssertionError("Kafka cannot be fetched from Maven Central: what Maven said is above")


if __name__ == "__main__":
    main()
