"""What the user's own policy demands."""

from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy
from claudecheck.diagnosis.problems.spelling import everywhere

POLICY_BROKEN = Problem(
    code="policy-broken",
    layer="policy",
    title="The client gets through, but not as the policy demands: {detail}",
    cause="{file} says what this route must be like, and it is not. The network, the key and the API do their work; the verdict is the policy's.",
    owner="you",
    fixes=(
        Remedy(
            text="Mend what the rule names; -v shows what was seen",
            commands=everywhere("{claudecheck} doctor -v"),
            kind="look",
        ),
        Remedy(text="Or change the rule in {file}, if it asks for more than this place can give"),
        Remedy(
            text="Judge the route by itself, without the policy",
            commands=everywhere("{claudecheck} doctor --no-policy"),
            kind="look",
        ),
    ),
    told_apart="Every stage of the route passed, also with warnings.",
)

POLICY_INVALID = Problem(
    code="policy-invalid",
    layer="policy",
    title="The policy in {file} cannot be read",
    cause="A rule is unknown, or its value has another form. Nothing was walked: a policy that is read in part would pass what it should refuse. The sentence names the line.",
    owner="you",
    fixes=(
        Remedy(text="Correct that line; docs/ci.md lists every rule with its form", kind="mend"),
        Remedy(
            text="Judge the route by itself, without the policy",
            commands=everywhere("{claudecheck} doctor --no-policy"),
            kind="look",
        ),
    ),
    told_apart="claudecheck exits with 2 before it sends anything.",
)
