"""The pipelines of both providers are thin: they call the same make targets in the same order."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIPELINES = [ROOT / ".github/workflows/pipeline.yml", ROOT / "deploy/azure-pipelines.yml"]
CALL = re.compile(r"\bmake ((?:[a-z-]+ )*[a-z-]+)(?= [A-Z]|\s*$)", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


def called(pipeline: Path) -> list[str]:
    lines = [line for line in pipeline.read_text().splitlines() if not line.startswith("#")]
    return [target for call in CALL.findall("\n".join(lines)) for target in call.split()]


@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda path: str(path.name))
def test_every_target_of_a_pipeline_exists(pipeline: Path) -> None:
    targets = TARGET.findall((ROOT / "Makefile").read_text())

    assert called(pipeline)
    assert set(called(pipeline)) - set(targets) == set()


def test_both_pipelines_call_the_same_targets() -> None:
    github, azure = map(called, PIPELINES)

    assert github == azure
    assert github[:2] == ["check", "sbom"]
    assert github[-4:] == ["image", "test-image", "push", "deploy"]
