"""The generated documents, generated once for all tests of this folder."""

import pytest

from tools.docs.documents import documents


@pytest.fixture(scope="session")
def generated() -> dict[str, str]:
    return documents()
