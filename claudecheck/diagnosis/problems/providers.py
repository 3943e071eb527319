"""Routes to Claude through another provider: the entries of the chapters for credentials and environment."""

from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, look
from claudecheck.diagnosis.problems.spelling import assign, everywhere, printed, spelled, unset

_SWITCHES = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")

PROVIDER_CREDENTIALS = Problem(
    code="provider-credentials",
    layer="environment",
    title="The cloud provider's own credentials are missing or expired",
    cause="Requests on this route go to {provider} and are signed with its credentials, not with an Anthropic key. They could not be found, have expired, or took too long to fetch.",
    owner="you",
    fixes=(
        Remedy(
            text="Sign in to AWS again",
            commands=everywhere("aws sso login"),
            unless=("gcloud", "azure"),
            tools=("aws",),
            caution="AWS_ACCESS_KEY_ID and AWS_SESSION_TOKEN in the environment go before every profile: unset them when they are old",
        ),
        Remedy(
            text="Sign in to Google Cloud again",
            commands=everywhere("gcloud auth application-default login"),
            unless=("aws", "azure"),
            tools=("gcloud",),
        ),
        Remedy(text="Sign in to Azure again", commands=everywhere("az login"), unless=("aws", "gcloud"), tools=("az",)),
        Remedy(text="If the provider was not meant, unset the switches that select one", change=unset(*_SWITCHES)),
        look(
            "See which identity AWS uses",
            everywhere("aws sts get-caller-identity"),
            unless=("gcloud", "azure"),
            tools=("aws",),
        ),
    ),
    looks_like=printed(
        old="botocore.exceptions.NoCredentialsError, or google.auth.exceptions.DefaultCredentialsError",
        new="botocore.exceptions.NoCredentialsError, or google.auth.exceptions.DefaultCredentialsError",
        claude_code="API Error: 403 The security token included in the request is expired",
    ),
    told_apart="The provider's own tool (`aws`, `gcloud`, `az`) fails on this machine in the same way.",
)

PROVIDER_ROUTE = Problem(
    code="provider-route",
    layer="environment",
    severity="warning",
    title="This environment selects {provider} instead of Anthropic's own API",
    cause="{variable} is set. The client that obeys it calls another host than api.anthropic.com, and mostly with credentials of the provider's own in place of ANTHROPIC_API_KEY.",
    owner="you",
    fixes=(
        Remedy(text="If the provider is not meant, unset what selects it", change=unset("{variable}")),
        look(
            "See which identity signs the requests",
            everywhere("aws sts get-caller-identity"),
            when=("aws",),
            tools=("aws",),
        ),
        look(
            "See whether there is a token; this prints how many characters it has, not the token",
            spelled(
                sh="gcloud auth application-default print-access-token | wc -c",
                powershell="(gcloud auth application-default print-access-token).Length",
            ),
            when=("gcloud",),
            tools=("gcloud",),
        ),
        look(
            "See whether there is a token, and until when",
            everywhere("az account get-access-token --query expiresOn"),
            when=("azure",),
            tools=("az",),
        ),
    ),
    verify="claudecheck routes",
    told_apart="With the variable unset the same client calls api.anthropic.com again.",
)

PROVIDER_ADDRESS_UNKNOWN = Problem(
    code="provider-address-unknown",
    layer="environment",
    title="{provider} is selected, and nothing says where it is",
    cause="The host of the provider follows from a region, a resource or a base URL, and none that fits is set. The SDK's class for it raises when it is built, unless the program names one. Nothing was sent, to no host.",
    owner="you",
    fixes=(
        Remedy(
            text="Name what is missing; of two that exclude each other keep one",
            change=assign("{variable}", "{suggestion}"),
        ),
        Remedy(text="If the provider was not meant, unset the switches that select one", change=unset(*_SWITCHES)),
    ),
    verify="claudecheck routes",
    looks_like=printed(
        new="ValueError: No AWS region was provided. …, or ValueError: No region was given. …, or ValueError: Must provide one of the `base_url` or `resource` arguments, …"
    ),
    told_apart="With the region, the resource or the base URL set, `claudecheck routes` shows the provider's host.",
)
