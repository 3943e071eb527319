"""The smallest program of a user: one message. Says "got through", or the first lines of what the SDK raised."""

import anthropic

client = anthropic.Anthropic(max_retries=0, timeout=anthropic.Timeout(10.0, connect=5.0))
message = client.messages.create(
    model="claude-haiku-5-5", max_tokens=1, messages=[{"role": "user", "content": "Hi"}]
)  # fmt: skip
assert message.type == "message"
print("got through")
