"""The smallest program of a user: one message through the SDK. Prints the exception chain as one line of JSON."""

from __future__ import annotations

import json
import sys


def chain(error: BaseException | None) -> list[str]:
    links: list[str] = []
    while error is not None and len(links) < 8:
        links.append(f"{type(error).__module__}.{type(error).__name__}: {str(error)[:300]}")
        error = error.__cause__ or error.__context__
    return links


def main() -> None:
    limit = float(sys.argv[1])
    try:
        import anthropic

        client = anthropic.Anthropic(max_retries=0, timeout=anthropic.Timeout(limit, connect=5.0))
        message = client.messages.create(
            model="claude-haiku-5-5", max_tokens=1, messages=[{"role": "user", "content": "Hi"}]
        )
        print(json.dumps({"ok": message.type == "message", "chain": []}))
    except Exception as error:
        print(json.dumps({"ok": False, "chain": chain(error)}))


main()
