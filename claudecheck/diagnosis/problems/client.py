"""What is wrong in the program itself: no packet is at fault. Mostly seen by `explain`."""

from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, look
from claudecheck.diagnosis.problems.spelling import connection_error, everywhere, printed, raised, spelled, with_python

#: The doctor sends its own message, so it cannot see a fault of the program: the program must run again.
_VERIFY = "{python} program.py 2>&1 | claudecheck explain -"

CLIENT_EVENT_LOOP = Problem(
    code="client-event-loop",
    layer="client",
    title="An async client is used from a second or a closed event loop",
    cause="The client keeps connections that belong to the event loop in which they were made. Every `asyncio.run()` makes a new loop and closes the old one, and with it those connections.",
    owner="you",
    fixes=(
        Remedy(
            text="Build the client inside the loop that uses it, and close it there",
            commands=spelled(python="async with anthropic.AsyncAnthropic() as client:\n    …"),
        ),
        Remedy(
            text="Call `asyncio.run()` once, around the whole program; in a web server build the client at its start"
        ),
        Remedy(
            text="In code without `async`, use the plain client",
            commands=spelled(python="client = anthropic.Anthropic()"),
        ),
    ),
    verify=_VERIFY,
    looks_like={
        "Python 0.x": "anthropic.APIConnectionError: Connection error. (at the bottom of the chain: RuntimeError: Event loop is closed)",
        "Python 1.x / 2.x": "anthropic.APIConnectionError: Connection error. (at the bottom of the chain: RuntimeError: Event loop is closed)",
    },
    told_apart="The first call works and the second fails, and the chain ends with `Event loop is closed` or `attached to a different loop`.",
)

CLIENT_BLOCKING_CALL = Problem(
    code="client-blocking-call",
    layer="client",
    title="A call that is not async blocks the event loop",
    cause="While such a call runs (a plain SDK call, `time.sleep`, heavy work), the event loop can do nothing else: it reads no answers, and the timeouts of other requests run out.",
    owner="you",
    fixes=(
        Remedy(
            text="Use the async client in async code",
            commands=spelled(python="message = await anthropic.AsyncAnthropic().messages.create(…)"),
        ),
        Remedy(
            text="Move other blocking work into a thread",
            commands=spelled(python="result = await asyncio.to_thread(work)"),
        ),
        look(
            "Let asyncio name the calls that block",
            spelled(
                sh="PYTHONASYNCIODEBUG=1 {python} program.py",
                powershell="$env:PYTHONASYNCIODEBUG = 1; & {python} program.py",
            ),
        ),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old="anthropic.APITimeoutError: Request timed out or interrupted. … (cause: httpx.ReadTimeout, or httpx.PoolTimeout)",
        new="anthropic.APITimeoutError: Request timed out or interrupted. … (cause: httpx2.ReadTimeout, or httpx2.PoolTimeout)",
    ),
    told_apart="Timeouts come in bunches while the machine computes, and the doctor finds the route fast.",
)

CLIENT_CLOSED = Problem(
    code="client-closed",
    layer="client",
    title="A request is made on a client that was already closed",
    cause="The client was closed, mostly at the end of a `with` block, and is used after it; or a task still runs when the block has ended.",
    owner="you",
    fixes=(
        Remedy(
            text="Make all requests inside the block, and wait there for the tasks that make some",
            commands=spelled(python="with anthropic.Anthropic() as client:\n    …"),
        ),
        Remedy(text="Or build one client for the whole program, without a `with` block"),
    ),
    verify=_VERIFY,
    looks_like={
        "Python 0.x": "anthropic.APIConnectionError: Connection error. (cause: RuntimeError: Cannot send a request, as the client has been closed.)",
        "Python 1.x / 2.x": "anthropic.APIConnectionError: Connection error. (cause: RuntimeError: Cannot send a request, as the client has been closed.)",
    },
    told_apart="The words `the client has been closed` stand in the chain; nothing was sent.",
)

CLIENT_FORKED = Problem(
    code="client-forked",
    layer="client",
    title="A connection that was made before a fork is used after it",
    cause="A process that forks (gunicorn with `--preload`, multiprocessing, Celery) hands its open connections to all its children, and they disturb each other on them.",
    owner="you",
    fixes=(
        Remedy(text="Build the client in the child, at first use and not at import"),
        Remedy(
            text="With multiprocessing, start children afresh instead of forking",
            commands=spelled(python='multiprocessing.set_start_method("spawn")'),
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError or ReadError: [SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] …, or [SSL: WRONG_VERSION_NUMBER] …"
    ),
    told_apart="It works with one worker process and fails with several, and the doctor finds the route sound.",
)

CLIENT_POOL_EXHAUSTED = Problem(
    code="client-pool-exhausted",
    layer="client",
    title="No connection in the client's pool became free in time",
    cause="More requests run at once than the pool has connections, or streams were opened and neither read to the end nor closed.",
    owner="you",
    fixes=(
        Remedy(
            text="Open streams in a `with` block, so that they are closed in every case",
            commands=spelled(python="with client.messages.stream(…) as stream:\n    …"),
        ),
        Remedy(
            text="Limit how many requests run at once",
            commands=spelled(python="limit = asyncio.Semaphore(20)\nasync with limit:\n    …"),
        ),
        Remedy(
            text="Or give the client a larger pool (the SDK 0.x takes `httpx` in place of `httpx2`)",
            commands=spelled(
                python="Anthropic(http_client=DefaultHttpxClient(\n    limits=httpx2.Limits(max_connections=2000)))"
            ),
        ),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old="anthropic.APITimeoutError: Request timed out or interrupted. … (cause: httpx.PoolTimeout)",
        new="anthropic.APITimeoutError: Request timed out or interrupted. … (cause: httpx2.PoolTimeout)",
    ),
    told_apart="The cause is `PoolTimeout`: the request was never sent. `ConnectTimeout` and `ReadTimeout` are the network's.",
)

CLIENT_TOO_MANY_FILES = Problem(
    code="client-too-many-files",
    layer="client",
    title="The process has no file descriptor left",
    cause="Every client that is built holds connections, and they stay open until it is closed. A program that builds one for each request runs out of descriptors.",
    owner="you",
    fixes=(
        Remedy(
            text="Build one client and use it for all requests",
            commands=spelled(python="client = anthropic.Anthropic()  # once, at the start"),
        ),
        Remedy(
            text="Raise the limit while the cause is looked for",
            commands=spelled(sh="ulimit -n 4096"),
            systems=("Linux", "Darwin"),
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error("ConnectError: [Errno 24] Too many open files", node="connect EMFILE"),
    told_apart="The number of open files of the process grows with each request (`ls /proc/PID/fd | wc -l` on Linux).",
)

CLIENT_LONG_REQUEST = Problem(
    code="client-long-request",
    layer="client",
    title="The SDK refuses a plain request that may take over ten minutes",
    cause="A plain request with a large `max_tokens` may be silent for so long that the network drops it. The SDK therefore wants it streamed, or a timeout that you set yourself.",
    owner="you",
    fixes=(
        Remedy(
            text="Stream it; the whole message is there at the end all the same",
            commands=spelled(
                python="with client.messages.stream(…) as stream:\n    message = stream.get_final_message()"
            ),
        ),
        Remedy(
            text="Or set a timeout of your own (in seconds)",
            commands=spelled(python="client = anthropic.Anthropic(timeout=1200)"),
            caution="the answer is lost, and may be billed, when a box on the way drops the silent connection",
        ),
        Remedy(text="For work that can wait, use the Message Batches API"),
    ),
    verify=_VERIFY,
    looks_like=raised(
        "ValueError: Streaming is required for operations that may take longer than 10 minutes. …",
        typescript="AnthropicError: Streaming is required for operations that may take longer than 10 minutes. …",
    ),
    told_apart="The error comes at once, and nothing was sent.",
)

CLIENT_STREAM_ERROR = Problem(
    code="client-stream-error",
    layer="client",
    title="An error inside a stream slips past `except anthropic.APIError`",
    cause="The SDK turns network errors into its own only until the answer begins. What breaks later, while the stream is read, comes as an error of `httpx` or `httpx2`, is not retried, and passes your `except`.",
    owner="you",
    retryable=True,
    billed=True,
    fixes=(
        Remedy(
            text="Catch the transport's errors around the stream as well, and start the request again (the SDK 0.x uses `httpx`)",
            commands=spelled(python="except (anthropic.APIError, httpx2.TransportError) as error:\n    …"),
        ),
        Remedy(text="If it happens often, find out what cuts the stream: see `stream-blocked` and `idle-cut`"),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old="httpx.RemoteProtocolError: peer closed connection without sending complete message body …, or httpx.ReadTimeout",
        new="httpx2.RemoteProtocolError: peer closed connection without sending complete message body …, or httpx2.ReadTimeout",
        typescript="TypeError: terminated (cause: other side closed)",
    ),
    told_apart="The outermost error is the HTTP library's and not one of `anthropic`, and some events had already come.",
)

CLIENT_RESPONSE_SHAPE = Problem(
    code="client-response-shape",
    layer="client",
    title="The program took a page or a text for an answer of the API",
    cause="Something that is not the API answered with success, and the SDK handed its text over as it was. The error comes later, where your program looks for a field of the message.",
    owner="you",
    fixes=(
        look(
            "Find out who answers: the doctor says whether it is a portal, a filter or another server",
            everywhere("{claudecheck} doctor"),
        ),
        Remedy(
            text="Show in the program what came instead",
            commands=spelled(python="if isinstance(message, str):\n    print(message[:500])"),
        ),
    ),
    looks_like=raised(
        "AttributeError: 'str' object has no attribute 'content'",
        typescript="TypeError: Cannot read properties of undefined (reading …)",
    ),
    told_apart="The answer is a `str`. Behind it stands `captive-portal`, `block-page`, `not-the-api` or a wrong base URL.",
)

CLIENT_LIBRARY_VERSION = Problem(
    code="client-library-version",
    layer="client",
    title="Versions of libraries in this environment do not fit together",
    cause="An object of one library is given to an SDK that is built on another (`httpx` to an SDK on `httpx2`), or an old version calls something that a newer one no longer has.",
    owner="you",
    fixes=(
        Remedy(
            text="With the SDK 1.x and 2.x, take `httpx2` wherever your program hands over a client, a transport or limits",
            commands=spelled(python="Anthropic(http_client=anthropic.DefaultHttpxClient(…))"),
        ),
        Remedy(
            text="Bring the SDK and its packages to versions that fit, and see whether pip still finds a conflict",
            commands=(*with_python("-m pip install --upgrade anthropic"), *with_python("-m pip check")),
        ),
    ),
    verify=_VERIFY,
    looks_like=printed(
        old="TypeError: Client.__init__() got an unexpected keyword argument 'proxies'",
        new="TypeError: Invalid `http_client` argument; `httpx.Client` is from the `httpx` package, but this SDK uses `httpx2`. Use `httpx2.Client` instead.",
    ),
    told_apart="A `TypeError` or `ImportError` that comes when the client is built, and not in a fresh virtual environment.",
)
