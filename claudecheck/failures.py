"""The closed vocabulary of what can happen to one operation. Knows nothing of causes or advice."""

from enum import StrEnum


class Stage(StrEnum):
    """The rows of the report, in the order in which packets need them on a direct route."""

    ENVIRONMENT = "environment"
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    PROXY = "proxy"
    MODELS = "models"
    MESSAGES = "messages"


class LeftOut(StrEnum):
    """Why a stage was not walked: the stage that failed before it, or one of the others."""

    ENVIRONMENT = "environment"
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    PROXY = "proxy"  # it failed; or it does this stage's work
    MODELS = "models"
    OPTION = "option"  # the user left it out
    SETTING = "setting"  # a variable says that the client does not need it
    PROVIDER = "provider"  # only the provider's own credentials would do
    LOGIN = "login"  # only the client itself can use its credential
    ROUTE = "route"  # there is nothing to do on this route
    INCOMPLETE = "incomplete"  # the run was cut


class Failure(StrEnum):
    """Why one operation did not succeed. `UNKNOWN` is a member: nothing ever fails in silence."""

    # names
    NAME_NOT_FOUND = "name-not-found"  # NXDOMAIN, EAI_NONAME
    NO_ADDRESS = "no-address"  # the name exists, without a usable address
    SERVER_FAILURE = "server-failure"  # SERVFAIL, EAI_FAIL
    QUERY_REFUSED = "query-refused"  # REFUSED
    TRY_AGAIN = "try-again"  # EAI_AGAIN: no resolver answered the C library, or SERVFAIL
    NO_RESOLVER = "no-resolver"

    # the transport
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    UNREACHABLE = "unreachable"
    PROHIBITED = "prohibited"
    LOCAL_LIMIT = "local-limit"
    RESET = "reset"
    CLOSED = "closed"  # an orderly end where an answer was due

    # TLS
    NOT_TLS = "not-tls"
    ALERT = "alert"
    VERSION_UNSUPPORTED = "version-unsupported"
    CLIENT_CERTIFICATE_REQUIRED = "client-certificate-required"
    UNTRUSTED_ISSUER = "untrusted-issuer"
    SELF_SIGNED = "self-signed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    HOSTNAME_MISMATCH = "hostname-mismatch"
    WEAK_CERTIFICATE = "weak-certificate"
    STRICT_CERTIFICATE = "strict-certificate"
    TRUST_UNUSABLE = "trust-unusable"  # the trust store itself could not be loaded

    # a proxy's answer to CONNECT or to a SOCKS request
    PROXY_AUTH_REQUIRED = "proxy-auth-required"
    PROXY_DENIED = "proxy-denied"
    PROXY_UPSTREAM_FAILED = "proxy-upstream-failed"
    NOT_A_PROXY = "not-a-proxy"

    # HTTP
    STATUS = "status"  # a complete answer whose status is not success
    MALFORMED = "malformed"  # success in name, not in content
    CUT = "cut"  # ended in the middle of the answer

    # the client
    SDK_MISSING = "sdk-missing"
    SDK_BROKEN = "sdk-broken"
    CLIENT_REFUSED = "client-refused"  # the client raised before its first packet

    # us
    CANCELLED = "cancelled"  # the global deadline or Ctrl-C came first
    CRASHED = "crashed"  # a bug in claudecheck
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """As it is said: "timed out"."""
        return self.value.replace("-", " ")
