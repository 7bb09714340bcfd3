"""Apache Kafka itself, fetched once from Maven Central into the user's cache.

Maven and Java 17 are needed; afterwards no network is. Versions are pinned, and Maven compares
every file with its checksum.
"""

import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

KAFKA: Final = "4.1.1"
LOG4J: Final = "2.24.3"  # the version of log4j-core that this Kafka brings
PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
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
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "roadbike-tests" / f"kafka-{KAFKA}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            fetched = _fetch(Path(temporary))
            if not folder.is_dir():  # another run may have been faster
                fetched.rename(folder)
    return folder


def _fetch(folder: Path) -> Path:
    assert shutil.which("mvn"), "Maven is needed once, to fetch Kafka (Debian: apt install maven)"
    (folder / "pom.xml").write_text(POM)
    command = ["mvn", "-q", "-B", "-C", "-f", str(folder / "pom.xml"), PLUGIN]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"]
    subprocess.run([*command, *options], check=True, timeout=300)  # noqa: S603
    return folder / "jars"
