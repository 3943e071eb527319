"""What is wrong with the name of the API: no answer, a wrong one, or a late one."""

from claudecheck.diagnosis.problems.problem import Problem, Remedy
from claudecheck.diagnosis.problems.spelling import connection_error, everywhere, spelled, unset

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

_COMPARE = Remedy(
    text="Ask another resolver, to have something to show: it answers with the API's address where only yours is at fault",
    commands=everywhere("nslookup {host} 1.1.1.1"),
)
_CONTAINER = Remedy(
    text="Give the container a resolver that answers; it does not always have the host's",
    commands=everywhere("docker run --dns 1.1.1.1 IMAGE"),
    only_in="container",
    caution="names of your company's own network need its resolver instead of 1.1.1.1",
)
_WSL = Remedy(
    text="WSL writes its resolver anew at every start; write your own and keep it (then run `wsl --shutdown` in Windows once)",
    commands=spelled(
        sh="printf '[network]\\ngenerateResolvConf = false\\n' |\n  sudo tee -a /etc/wsl.conf\nsudo rm -f /etc/resolv.conf\necho nameserver 1.1.1.1 | sudo tee /etc/resolv.conf"
    ),
    only_in="wsl",
    caution=_COMPANY_NAMES,
)
_VPN = Remedy(
    text="If a VPN is on or was switched off a moment ago, reconnect it: it sets the resolver of this machine"
)
#: A resolver of the user's choice, until the next connect.
_OTHER_RESOLVER = (
    Remedy(
        text="If your network allows it, use another resolver",
        commands=spelled(sh="sudo resolvectl dns \\\n  \"$(ip route show default | awk '{print $5; exit}')\" 1.1.1.1"),
        systems=("Linux",),
        caution=_COMPANY_NAMES,
    ),
    Remedy(
        text="If your network allows it, use another resolver",
        commands=spelled(sh="networksetup -setdnsservers Wi-Fi 1.1.1.1"),
        systems=("Darwin",),
        caution=_COMPANY_NAMES,
    ),
    Remedy(
        text="If your network allows it, use another resolver",
        commands=spelled(powershell="Set-DnsClientServerAddress -InterfaceAlias Wi-Fi `\n  -ServerAddresses 1.1.1.1"),
        systems=("Windows",),
        caution=_COMPANY_NAMES,
    ),
)

DNS_NAME_NOT_FOUND = Problem(
    code="dns-name-not-found",
    layer="dns",
    title="The resolver says that {host} does not exist",
    cause="The resolver answered that there is no such name. Either the name is written wrongly, or the resolver is made to deny it.",
    owner="you",
    fixes=(
        Remedy(
            text="If {host} is not what you meant, correct the base URL; unset, it leads to Anthropic's own endpoint",
            commands=unset("ANTHROPIC_BASE_URL"),
        ),
        Remedy(
            text="If {host} is a service of your compose file or cluster, start it and put both containers on one network"
        ),
        _COMPARE,
        Remedy(text="If the name is right, ask your network team to let their resolver answer for {host}"),
        *_OTHER_RESOLVER,
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
        _COMPARE,
        Remedy(
            text="Ask your network team to let the resolver give IPv4 addresses for {host}, or to provide IPv6 (DNS64 and NAT64 on a network without IPv4)"
        ),
        *_OTHER_RESOLVER,
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
        _VPN,
        _COMPARE,
        Remedy(text="Tell your network team that {resolver} answers SERVFAIL for {host}"),
        *_OTHER_RESOLVER,
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
        _VPN,
        _CONTAINER,
        _WSL,
        Remedy(text="Ask your network team which resolver this machine should use, or to let {resolver} serve it"),
        *_OTHER_RESOLVER,
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
        _VPN,
        _CONTAINER,
        _WSL,
        Remedy(text="Ask your network team whether {resolver} is the right resolver for this network, and up"),
        *_OTHER_RESOLVER,
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
            text="Let this machine take larger answers over UDP, so that TCP is not needed",
            commands=spelled(sh="echo options edns0 | sudo tee -a /etc/resolv.conf"),
            systems=("Linux",),
            caution="the file may be written anew at the next connect",
        ),
        Remedy(text="Ask your network team to allow TCP as well as UDP to port 53 of {resolver}"),
        *_OTHER_RESOLVER,
    ),
    verify=_VERIFY,
    looks_like=_TEMPORARY,
    told_apart="Over UDP the same nameserver answers “truncated”; over TCP it refuses or stays silent.",
)

DNS_NO_RESOLVER = Problem(
    code="dns-no-resolver",
    layer="dns",
    title="No nameserver is configured on this machine",
    cause="The system has nobody to ask for names. The network did not hand out a resolver, or the file that names it is empty or missing.",
    owner="you",
    fixes=(
        _CONTAINER,
        _WSL,
        Remedy(
            text="Name a resolver",
            commands=spelled(sh="echo nameserver 1.1.1.1 | sudo tee /etc/resolv.conf"),
            systems=("Linux",),
            caution="a network manager may write the file anew; set the resolver there to keep it",
        ),
        Remedy(text="Disconnect from the network and connect again, so that it hands out its resolver"),
        *_OTHER_RESOLVER[1:],
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
        Remedy(text="If the filter is yours (Pi-hole, AdGuard, NextDNS, a hosts list), allow {host} there"),
        _COMPARE,
        Remedy(text="Ask your network team to take {host} off the list of blocked names"),
        *_OTHER_RESOLVER,
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
            text="Take the line out of the file; a copy is kept beside it",
            commands=spelled(sh="sudo sed -i.bak /{host}/d /etc/hosts"),
            systems=("Linux", "Darwin"),
            caution="a tool that wrote the line may need it",
        ),
        Remedy(
            text="Take the line out of the file",
            commands=spelled(
                powershell="Start-Process -Verb RunAs notepad `\n  $env:windir\\System32\\drivers\\etc\\hosts"
            ),
            systems=("Windows",),
            caution="a tool that wrote the line may need it",
        ),
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
        _COMPARE,
        Remedy(
            text="If a VPN or proxy program with “fake IP” is on, check that it is running and that its rules carry {host}"
        ),
        Remedy(text="Ask your network team whether they send {host} through something of their own"),
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
            text="See which nameservers are set, and put the dead one last or take it out",
            commands=spelled(sh="resolvectl status || cat /etc/resolv.conf"),
            systems=("Linux",),
        ),
        Remedy(
            text="See which nameservers are set, and put the dead one last or take it out",
            commands=spelled(sh="scutil --dns"),
            systems=("Darwin",),
        ),
        Remedy(
            text="See which nameservers are set, and put the dead one last or take it out",
            commands=spelled(powershell="Get-DnsClientServerAddress"),
            systems=("Windows",),
        ),
        Remedy(text="Tell your network team that {resolver} does not answer"),
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
            text="In Kubernetes, make names with dots absolute in the pod's specification",
            commands=spelled(yaml='dnsConfig:\n  options:\n    - { name: ndots, value: "1" }'),
            only_in="container",
            caution="short names of services in other namespaces then need their full form",
        ),
        Remedy(
            text="Take the search domain out of the settings of this connection; this removes it until the next connect",
            commands=spelled(sh="sudo sed -i.bak '/^search/d' /etc/resolv.conf"),
            systems=("Linux",),
            caution="short names of your company's machines then need their full form",
        ),
        Remedy(
            text="Take the search domain out of the settings of this connection",
            commands=spelled(sh="networksetup -setsearchdomains Wi-Fi empty"),
            systems=("Darwin",),
            caution="short names of your company's machines then need their full form",
        ),
        Remedy(
            text="Take the search domain out of the settings of this connection",
            commands=spelled(powershell="Set-DnsClientGlobalSetting -SuffixSearchList @()"),
            systems=("Windows",),
            caution="short names of your company's machines then need their full form",
        ),
        Remedy(text="Ask whoever runs {search_domain} to remove its wildcard record"),
    ),
    verify=_VERIFY,
    told_apart="With a trailing dot the name has another address or none; without it the search domain answers.",
)
