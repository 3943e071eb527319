"""What is not one layer's: failures that come and go, that no rule knows, that were cut short, or that are ours."""

from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, look
from claudecheck.diagnosis.problems.spelling import everywhere, spelled
from claudecheck.report import ExitCode

_REPORT = look(
    "Save the report, which is written without secrets, and look through it before you pass it on",
    everywhere("{claudecheck} doctor --save report.json"),
)

INTERMITTENT = Problem(
    code="intermittent",
    layer="messages",
    yields_to=("an error",),
    severity="warning",
    title="Some attempts fail and others work",
    cause="{count} of {total} attempts failed on the same route. A line that drops packets, one dead server among several, or a limit that is reached at times does that.",
    owner="network",
    retryable=True,
    fixes=(
        look(
            "Walk the route several times, to see how often it fails and at which layer",
            everywhere("{claudecheck} watch --every 5s --for 2m"),
        ),
        look(
            "Try a cable, another network, and once without the VPN: if it is gone there, the local network is at fault",
            unless=("container", "ci"),
        ),
        ask("Give your network team the times of the failures"),
    ),
    verify="claudecheck doctor --no-message",
    told_apart="The same step fails and works within one run, with nothing changed in between.",
)

PREDICTION_CONTRADICTED = Problem(
    code="prediction-contradicted",
    layer="environment",
    overrules=True,
    severity="warning",
    title="{client} gets through where claudecheck expected it to fail",
    cause="The route was walked by the client's rules as claudecheck knows them, and failed. The client itself was then run, and had an answer. What a client does counts more than what is said of it.",
    owner=None,
    fixes=(
        look("For this client there is nothing to do; what the walk found may stop others on this machine"),
        ask("Send the report to claudecheck's issue tracker, so that the rule is mended"),
    ),
    told_apart="The client was run in this environment, without a key, and something answered its request.",
)

UNKNOWN = Problem(
    code="unknown",
    layer="environment",
    title="Something failed that no rule of claudecheck knows",
    cause="What was seen fits no known problem. It is better to say so than to guess; all the evidence is in the report.",
    owner=None,
    fixes=(
        _REPORT,
        look("Read the raw error under `seen`: the last line of a chain of errors mostly says the most"),
        ask("Send the report to claudecheck's issue tracker, so that the next person gets an answer"),
    ),
    told_apart="No variation of the route and no text of a known client matched.",
)

INCOMPLETE = Problem(
    code="incomplete",
    layer="environment",
    title="The run was cut before anything was certain",
    cause="The time limit, a signal, or a limit of this machine came first. What was seen until then is in the report, and what is not there has not been looked at.",
    owner=None,
    retryable=True,
    fixes=(
        look("Give it more time", everywhere("{claudecheck} doctor --timeout 120")),
        look(
            "If a limit of this machine cut it, see which one is tight",
            spelled(sh="ulimit -a"),
            systems=("Linux", "Darwin"),
        ),
    ),
    told_apart="The last observation is the cut itself.",
)

CLAUDECHECK_BUG = Problem(
    code="claudecheck-bug",
    layer="environment",
    exit_code=ExitCode.BUG,
    title="A part of claudecheck crashed: this is our fault",
    cause="A probe ended with an error of its own. It says nothing about your network, key or settings; the other stages are to be trusted.",
    owner=None,
    fixes=(
        _REPORT,
        Remedy(
            text="Until it is mended, an upgrade may help",
            commands=everywhere("pipx upgrade claudecheck"),
            tools=("pipx",),
        ),
        ask("Send the report to claudecheck's issue tracker: the crash is in it, with the place in the code"),
    ),
    told_apart="The report holds an observation `crash`, with a traceback.",
)
