"""What is wrong with the name of the API: no answer, a wrong one, or a late one."""

from claudecheck.diagnosis import questions
from claudecheck.diagnosis.change import LARGER_ANSWERS
from claudecheck.diagnosis.problems.cluster import EGRESS_TO_DNS
from claudecheck.diagnosis.problems.problem import Problem
from claudecheck.diagnosis.problems.remedy import Remedy, ask, look
from claudecheck.diagnosis.problems.spelling import assign, connection_error, everywhere, replaced, spelled, unset

_VERIFY = "claudecheck doctor --no-message"
_CLAUDE_CODE = "API Error: Can't reach the API server — check your internet or DNS (FailedToOpenSocket)"
_CURL = "curl: (6) Could not resolve host: api.anthropic.com"

_NOT_KNOWN = connection_error(
    "ConnectError: [Errno -2] Name or service not known",
    node="getaddrinfo ENOTFOUND api.anthropic.com",
    claude_code=_CLAUDE_CODE,
    curl=_CURL,
)
_TEMPORARY = connection_error(
    "ConnectError: [Errno -3] Temporary failure in name resolution",
    node="getaddrinfo EAI_AGAIN api.anthropic.com",
    claude_code=_CLAUDE_CODE,
    curl=_CURL,
)

_COMPANY_NAMES = "names of your company's own network may stop resolving; undo it when you leave this network"


def _ask_network(text: str) -> tuple[Remedy, ...]:
    """The network team is shown that another resolver knows the name, where it is a public one."""
    other = everywhere("nslookup {host} 1.1.1.1")
    return (
        ask(f"{text}; this shows what another resolver says", other, tools=("nslookup",), when=("official",)),
        ask(text, unless=("official",)),
    )


_CONTAINER = ask(
    "Start the container with another resolver (`docker run --dns …`): it does not always have the host's",
    when=("docker",),
)
_WSL = Remedy(
    text="WSL writes its resolver anew at every start: write your own and keep it, then run `wsl --shutdown` in Windows once",
    commands=spelled(
        sh="printf '[network]\\ngenerateResolvConf = false\\n' |\n  {sudo} tee -a /etc/wsl.conf &&\n  {sudo} rm -f /etc/resolv.conf &&\n  echo nameserver {working_resolver} | {sudo} tee /etc/resolv.conf"
    ),
    when=("wsl", "another-resolver-works"),
    caution=_COMPANY_NAMES,
    proved_by=questions.PUBLIC_RESOLVER.id,
)
_TAILSCALE = Remedy(
    text="Tailscale answers names here: let this machine use the network's own resolver",
    commands=spelled(sh="{sudo} tailscale set --accept-dns=false"),
    when=("tailscale",),
    tools=("tailscale",),
    caution="names of your tailnet then need their full form",
)
_WARP = Remedy(
    text="Cloudflare WARP answers names here: disconnect it and try again",
    commands=everywhere("warp-cli disconnect"),
    when=("warp",),
    tools=("warp-cli",),
)
_VPN = (
    _TAILSCALE,
    _WARP,
    Remedy(text="Reconnect the VPN, whose resolver {resolver} answers names here", when=("vpn-resolver",)),
    Remedy(
        text="If a VPN was switched off a moment ago, reconnect it: it sets the resolver of this machine",
        unless=("vpn-resolver", "tailscale", "warp", "container"),
    ),
)
#: Written through the file and not over it: in a container, WSL and with some network managers it is a mount or a link.
_OTHER_RESOLVER = (
    _WSL,
    Remedy(
        text="Use a resolver that answers, {working_resolver}, for this connection",
        commands=spelled(
            sh="{sudo} resolvectl dns \\\n  \"$(ip route show default | awk '{print $5; exit}')\" {working_resolver}",
            fish="{sudo} resolvectl dns \\\n  (ip route show default | awk '{print $5; exit}') {working_resolver}",
        ),
        systems=("Linux",),
        when=("another-resolver-works", "systemd-resolved"),
        tools=("resolvectl", "ip"),
        caution=_COMPANY_NAMES,
        proved_by=questions.PUBLIC_RESOLVER.id,
    ),
    Remedy(
        text="Use a resolver that answers, {working_resolver}",
        commands=replaced(
            "/etc/resolv.conf",
            "echo nameserver {working_resolver} > $HOME/resolv.new",
            "sed /^nameserver/d /etc/resolv.conf >> $HOME/resolv.new",
        ),
        systems=("Linux",),
        when=("another-resolver-works",),
        unless=("systemd-resolved", "wsl"),
        caution=_COMPANY_NAMES,
        proved_by=questions.PUBLIC_RESOLVER.id,
    ),
    Remedy(
        text="Use a resolver that answers, {working_resolver}",
        commands=spelled(sh="networksetup -setdnsservers Wi-Fi {working_resolver}"),
        systems=("Darwin",),
        when=("another-resolver-works",),
        caution=_COMPANY_NAMES,
        proved_by=questions.PUBLIC_RESOLVER.id,
    ),
    Remedy(
        text="Use a resolver that answers, {working_resolver}",
        commands=spelled(
            powershell="Set-DnsClientServerAddress -InterfaceAlias Wi-Fi `\n  -ServerAddresses {working_resolver}"
        ),
        systems=("Windows",),
        when=("another-resolver-works",),
        caution=_COMPANY_NAMES,
        proved_by=questions.PUBLIC_RESOLVER.id,
    ),
    Remedy(
        text="Write the address that another resolver gives for {host} into the hosts file",
        commands=spelled(sh="echo {true_address} {host} | {sudo} tee -a /etc/hosts"),
        systems=("Linux", "Darwin"),
        when=("address-known",),
        unless=("another-resolver-works",),
        caution="it stays until somebody takes it out, also when the address changes",
        proved_by=questions.DNS_OVER_HTTPS.id,
    ),
)
_SEARCH_CAUTION = "short names of your company's machines then need their full form"

DNS_NAME_NOT_FOUND = Problem(
    code="dns-name-not-found",
    layer="dns",
    title="The resolver says that {host} does not exist",
    cause="The resolver answered that there is no such name. Either the name is written wrongly, or the resolver is made to deny it.",
    owner="you",
    fixes=(
        Remedy(
            text="Correct {base_url_variable}, which the host's name is made of: this one may not exist, or not with Claude",
            change=assign("{base_url_variable}", "RIGHT-NAME"),
            when=("host-of-a-region",),
        ),
        *_OTHER_RESOLVER,
        Remedy(
            text="Correct the base URL; unset, it leads to Anthropic's own endpoint",
            change=unset("{base_url_variable}"),
            unless=("host-of-a-region", "gateway-key"),
            guess=True,
            caution="a key that a gateway handed out does not work there",
        ),
        Remedy(
            text="Start the service that {host} names, and put both containers on one network",
            when=("host-of-a-cluster",),
        ),
        Remedy(
            text="Connect to the network or VPN in which {host} is known",
            when=("host-of-a-company",),
            unless=("host-of-a-cluster",),
        ),
        *_ask_network("Ask your network team to let their resolver answer for {host}"),
    ),
    verify=_VERIFY,
    looks_like=_NOT_KNOWN,
    told_apart="Another resolver knows the name: then this one denies it. No resolver knows it: then the name is wrong. The proxy's name failing gives the same text (`proxy-name-not-found`).",
)

DNS_NO_ADDRESS = Problem(
    code="dns-no-address",
    layer="dns",
    title="{host} exists, and has no address that works here",
    cause="The resolver knows the name and gives no address for it, or only IPv6 addresses to a machine without IPv6. Often a filter removes one kind of address.",
    owner="network",
    fixes=(
        *_OTHER_RESOLVER,
        *_ask_network(
            "Ask your network team to let the resolver give IPv4 addresses for {host}, or to provide IPv6 (DNS64 and NAT64 on a network without IPv4)"
        ),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno -5] No address associated with hostname",
        node="getaddrinfo ENODATA api.anthropic.com",
        claude_code=_CLAUDE_CODE,
        curl=_CURL,
    ),
    told_apart="IPv4 and IPv6 are asked for apart, and each nameserver by itself: the name exists in every answer, an address in none.",
)

DNS_SERVER_FAILURE = Problem(
    code="dns-server-failure",
    layer="dns",
    title="The resolver failed while it looked up {host} (SERVFAIL)",
    cause="The resolver answers, and says that it could not find out: its own way to the internet is cut, its own upstream is down, or it rejects a signature (DNSSEC).",
    owner="network",
    retryable=True,
    fixes=(
        *_OTHER_RESOLVER,
        *_VPN,
        *_ask_network("Tell your network team that {resolver} answers SERVFAIL for {host}"),
    ),
    verify=_VERIFY,
    looks_like=_TEMPORARY,
    told_apart="Asked directly, the nameserver answers with the code SERVFAIL. Silence would be `dns-timeout`.",
)

DNS_REFUSED = Problem(
    code="dns-refused",
    layer="dns",
    title="The resolver refuses to answer for {host} (REFUSED)",
    cause="The nameserver is there and does not serve this machine, or not this name: it belongs to another network (a VPN that is off, a former provider), or a policy forbids the name.",
    owner="network",
    fixes=(
        *_OTHER_RESOLVER,
        *_VPN,
        *_ask_network("Ask your network team which resolver this machine should use, or to let {resolver} serve it"),
        _CONTAINER,
    ),
    verify=_VERIFY,
    looks_like=_TEMPORARY,
    told_apart="Asked directly, the nameserver answers with the code REFUSED. Ask it for another well-known name: if that works, only this name is refused.",
)

DNS_TIMEOUT = Problem(
    code="dns-timeout",
    layer="dns",
    title="No resolver answers, so {host} cannot be found",
    cause="The questions to {resolver} get no answer: it is down, it is not reachable from this network, or a firewall drops port 53.",
    owner="network",
    fixes=(
        *_OTHER_RESOLVER,
        *_VPN,
        *EGRESS_TO_DNS,
        ask("Ask your network team whether {resolver} is the right resolver for this network, and up"),
        _CONTAINER,
    ),
    verify=_VERIFY,
    looks_like=_TEMPORARY,
    told_apart="Every nameserver is asked by itself, over UDP and TCP. A refusal of the port (nothing listens there) comes at once, silence after seconds; `seen` says which it was.",
)

DNS_TCP_BLOCKED = Problem(
    code="dns-tcp-blocked",
    layer="dns",
    title="The DNS answer needs TCP, and TCP to the resolver is blocked",
    cause="The answer does not fit into the small packet that was asked for, so the resolver says “ask again over TCP”. A firewall lets only UDP through to port 53.",
    owner="network",
    fixes=(
        Remedy(
            text="Let this shell's programs take larger answers over UDP, so that TCP is not needed",
            change=LARGER_ANSWERS,
            guess=True,
            systems=("Linux",),
            caution="programs that were not built on glibc do not read it",
        ),
        Remedy(
            text="Let this machine take larger answers over UDP, so that TCP is not needed",
            commands=spelled(sh="echo options edns0 | {sudo} tee -a /etc/resolv.conf"),
            systems=("Linux",),
            caution="the file may be written anew at the next connect",
            proved_by="dns:larger-answers",
            guess=True,
        ),
        *_OTHER_RESOLVER,
        ask("Ask your network team to allow TCP as well as UDP to port 53 of {resolver}"),
    ),
    verify=_VERIFY,
    looks_like=_TEMPORARY,
    told_apart="Over UDP the same nameserver answers “truncated”; over TCP it refuses or stays silent.",
)

DNS_NO_RESOLVER = Problem(
    code="dns-no-resolver",
    layer="dns",
    title="No nameserver is configured on this machine",
    cause="No DNS server is configured. The network did not hand out a resolver, or the file that names it is empty or missing.",
    owner="you",
    fixes=(
        *_OTHER_RESOLVER[:1],
        Remedy(
            text="Name a resolver that answers, {working_resolver}",
            commands=spelled(sh="echo nameserver {working_resolver} | {sudo} tee -a /etc/resolv.conf"),
            systems=("Linux",),
            when=("another-resolver-works",),
            unless=("wsl",),
            caution="a network manager may write the file anew; set the resolver there to keep it",
            proved_by=questions.PUBLIC_RESOLVER.id,
        ),
        *_OTHER_RESOLVER[3:],
        Remedy(
            text="Disconnect from the network and connect again, so that it hands out its resolver",
            unless=("container",),
        ),
        ask("Ask whoever runs this network which resolver to name", unless=("another-resolver-works",)),
        _CONTAINER,
    ),
    verify=_VERIFY,
    looks_like=_TEMPORARY,
    told_apart="The system's settings name no nameserver. With one that does not answer the problem is `dns-timeout`.",
)

DNS_SINKHOLED = Problem(
    code="dns-sinkholed",
    layer="dns",
    title="DNS sends {host} to a dead end",
    cause="A filter answers in place of the real resolver, with an address that belongs to nobody, to this machine or to a block page. Ad blockers, parental controls, and company or school filters do that.",
    owner="network",
    fixes=(
        *_OTHER_RESOLVER,
        Remedy(text="If the filter is yours (Pi-hole, AdGuard, NextDNS, a hosts list), allow {host} there"),
        *_ask_network("Ask your network team to take {host} off the list of blocked names"),
    ),
    verify=_VERIFY,
    looks_like=connection_error(
        "ConnectError: [Errno 111] Connection refused",
        node="connect ECONNREFUSED 0.0.0.0:443",
        claude_code="API Error: Connection refused — a firewall or proxy may be blocking it (ConnectionRefused)",
        curl="curl: (7) Failed to connect to api.anthropic.com port 443: Couldn't connect to server",
    ),
    told_apart="Another resolver gives the API's own address, and that one answers. The refusal itself is only the consequence.",
)

DNS_HOSTS_OVERRIDE = Problem(
    code="dns-hosts-override",
    layer="dns",
    severity="warning",
    title="The hosts file of this machine overrides {host}",
    cause="A line in the hosts file gives an address for {host}, and that line wins over every resolver. It may be left over from a tool, a test or an old workaround.",
    owner="you",
    fixes=(
        Remedy(
            text="Take the line out of the file; a copy is kept in `~/hosts.old`",
            commands=replaced(
                "/etc/hosts", "cp /etc/hosts $HOME/hosts.old", "sed /{host}/d /etc/hosts > $HOME/hosts.new"
            ),
            systems=("Linux", "Darwin"),
            caution="a tool that wrote the line may need it",
            proved_by=questions.RESOLVED_ADDRESS.id,
        ),
        Remedy(
            text="Take the line out of the file",
            commands=spelled(
                powershell="Start-Process -Verb RunAs notepad `\n  $env:windir\\System32\\drivers\\etc\\hosts"
            ),
            systems=("Windows",),
            caution="a tool that wrote the line may need it",
            proved_by=questions.RESOLVED_ADDRESS.id,
        ),
        ask("Start the container without `--add-host`, or without `hostAliases` in the pod", when=("hosts-mounted",)),
    ),
    verify=_VERIFY,
    told_apart="The file holds the name, and the system answers with the file's address; a nameserver that is asked directly gives another one.",
)

DNS_UNEXPECTED_ADDRESS = Problem(
    code="dns-unexpected-address",
    layer="dns",
    severity="warning",
    title="{host} resolves to an address that the API is not known to use",
    cause="Something rewrites the answer: a VPN with made-up addresses (198.18.…), a transparent proxy, a company's own resolver. That may be on purpose and work; it is the first suspect when it does not.",
    owner="network",
    fixes=(
        *_OTHER_RESOLVER,
        Remedy(text="Check that the VPN is connected, and that its rules carry {host}", when=("vpn",)),
        *_ask_network("Ask your network team whether they send {host} through something of their own"),
    ),
    verify=_VERIFY,
    told_apart="Another resolver gives an address of the published ranges (160.79.104.0/23, 2607:6bc0::/48), and that one answers.",
)

DNS_SLOW = Problem(
    code="dns-slow",
    layer="dns",
    severity="warning",
    title="Looking up {host} takes {seconds}: one nameserver is silent",
    cause="The system asks {resolver} first, waits in vain, and only then asks the next one. Every new connection pays for it.",
    owner="network",
    fixes=(
        Remedy(
            text="Let this shell's programs wait one second for a nameserver instead of five",
            change=assign("RES_OPTIONS", "timeout:1 attempts:2"),
            systems=("Linux",),
            caution="programs that were not built on glibc do not read it",
        ),
        *_OTHER_RESOLVER,
        look(
            "See which nameservers are set, and put the dead one last or take it out",
            spelled(sh="resolvectl status"),
            systems=("Linux",),
            tools=("resolvectl",),
            when=("systemd-resolved",),
        ),
        look(
            "See which nameservers are set, and put the dead one last or take it out",
            spelled(sh="cat /etc/resolv.conf"),
            systems=("Linux",),
            unless=("systemd-resolved",),
        ),
        look(
            "See which nameservers are set, and put the dead one last or take it out",
            spelled(sh="scutil --dns"),
            systems=("Darwin",),
        ),
        look(
            "See which nameservers are set, and put the dead one last or take it out",
            spelled(powershell="Get-DnsClientServerAddress"),
            systems=("Windows",),
        ),
        ask("Tell your network team that {resolver} does not answer"),
    ),
    verify=_VERIFY,
    told_apart="Asked one by one, one nameserver stays silent and another answers at once.",
)

DNS_SEARCH_DOMAIN = Problem(
    code="dns-search-domain",
    layer="dns",
    title="A search domain answers in place of {host}",
    cause="The system appends {search_domain} to names, and that domain answers for every name in it. So the address belongs to something else.",
    owner="you",
    fixes=(
        Remedy(
            text="Let this shell's programs look for names with dots as they are written",
            change=assign("RES_OPTIONS", "ndots:1"),
            systems=("Linux",),
            caution="programs that were not built on glibc do not read it",
        ),
        Remedy(
            text="Take the search domain out of the resolver's settings; this holds until the next connect",
            commands=replaced("/etc/resolv.conf", "sed /^search/d /etc/resolv.conf > $HOME/resolv.new"),
            systems=("Linux",),
            unless=("kubernetes", "systemd-resolved"),
            caution=_SEARCH_CAUTION,
            proved_by=questions.TRAILING_DOT.id,
        ),
        Remedy(
            text="Take the search domain out of the settings of this connection",
            commands=spelled(sh="networksetup -setsearchdomains Wi-Fi empty"),
            systems=("Darwin",),
            caution=_SEARCH_CAUTION,
            proved_by=questions.TRAILING_DOT.id,
        ),
        Remedy(
            text="Take the search domain out of the settings of this connection",
            commands=spelled(powershell="Set-DnsClientGlobalSetting -SuffixSearchList @()"),
            systems=("Windows",),
            caution=_SEARCH_CAUTION,
            proved_by=questions.TRAILING_DOT.id,
        ),
        Remedy(
            text="Look for names with dots as they are written, in the whole pod",
            commands=spelled(yaml='dnsConfig:\n  options:\n    - { name: ndots, value: "1" }'),
            when=("kubernetes",),
            place="the pod's specification",
            caution="short names of services in other namespaces then need their full form",
        ),
        ask("Ask whoever runs {search_domain} to remove its wildcard record"),
    ),
    verify=_VERIFY,
    told_apart="With a trailing dot the name has another address or none; without it the search domain answers.",
)
