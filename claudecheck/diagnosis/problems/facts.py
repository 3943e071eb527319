"""The closed set of facts on which a fix may depend, each in the words of a page. Knows no journal and no rule.

Where a fact can be decided both ways it stands here twice, as `direct-works` and `direct-fails`: neither holds when
nobody could tell. A fix for what could not be decided is one that is left out for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Fact = Literal[
    # where this runs
    "container",
    "docker",
    "kubernetes",
    "mesh",
    "codespaces",
    "wsl",
    "ci",
    "github-actions",
    "no-desktop",
    # what this user may do
    "hosts-mounted",
    # who resolves names
    "systemd-resolved",
    "tailscale",
    "warp",
    "vpn-resolver",
    # the route
    "vpn",
    "official",
    "own-base-url",
    "host-of-a-region",
    "host-of-a-cluster",
    "host-of-a-company",
    "proxied",
    "local-proxy",
    "remote-proxy",
    "proxy-has-credentials",
    "proxy-from-system",
    "proxy-plain",
    "proxy-wants-tls",
    "bypassed",
    "direct-works",
    "direct-fails",
    "no-proxy-known",
    # the client and its settings
    "sdk-0",
    "sdk-1",
    "large-key-share",
    "socks-missing",
    "socks-unknown-scheme",
    "der-file",
    "folder",
    "private-host",
    # certificates
    "root-held",
    "public-issuer",
    # answers
    "oauth-token",
    "gateway-key",
    "aws",
    "gcloud",
    "azure",
    # what the rule has found out
    "open-to-others",
    "suggested",
    "other-headers",
    "store-unknown",
    "wants-authorization",
    "wants-x-api-key",
    "known-proxy-variable",
    "key-in-dotenv",
    "stray-marks",
    "no-network-rights",
    "another-resolver-works",
    "address-known",
    "proxy-untrusted",
    "files-used-up",
]

#: What is known of a machine before anything is walked.
SURROUNDINGS: frozenset[Fact] = frozenset(
    {
        "container", "docker", "kubernetes", "mesh", "codespaces", "wsl", "ci", "github-actions",
        "no-desktop",
    }
)  # fmt: skip

#: A page for every machine says in these words where a fix holds.
WORDS: Mapping[Fact, str] = {
    "container": "in a container",
    "docker": "in a Docker container",
    "kubernetes": "in Kubernetes",
    "mesh": "in a service mesh",
    "codespaces": "in Codespaces",
    "wsl": "in WSL",
    "ci": "in CI",
    "github-actions": "in GitHub Actions",
    "no-desktop": "without a desktop",
    "hosts-mounted": "where the hosts file is mounted",
    "systemd-resolved": "with systemd-resolved",
    "tailscale": "with Tailscale",
    "warp": "with Cloudflare WARP",
    "vpn-resolver": "with a VPN's resolver",
    "vpn": "with a VPN",
    "official": "for Anthropic's own host",
    "own-base-url": "with a base URL of your own",
    "host-of-a-region": "where the host is made of a region or resource",
    "host-of-a-cluster": "for a name of a cluster or compose file",
    "host-of-a-company": "for a host of your network",
    "proxied": "through a proxy",
    "local-proxy": "where the proxy is on this machine",
    "remote-proxy": "where the proxy is on another machine",
    "proxy-has-credentials": "where the proxy URL holds a password",
    "proxy-from-system": "where the system names the proxy",
    "proxy-plain": "where the proxy speaks plain HTTP",
    "proxy-wants-tls": "where the proxy wants TLS",
    "bypassed": "where NO_PROXY names the host",
    "direct-works": "where the direct route works",
    "direct-fails": "where the direct route fails",
    "no-proxy-known": "where no proxy is known",
    "sdk-0": "with the SDK 0.x",
    "sdk-1": "with the SDK 1.x and 2.x",
    "large-key-share": "with OpenSSL 3.5 and later",
    "socks-missing": "without socksio",
    "socks-unknown-scheme": "with `socks://`",
    "der-file": "where the file is in DER form",
    "folder": "where it is a folder",
    "private-host": "for a private address",
    "root-held": "where another store holds the root",
    "public-issuer": "where the CA is a public one",
    "oauth-token": "with an OAuth token",
    "gateway-key": "with a gateway's key",
    "aws": "on AWS",
    "gcloud": "on Google Cloud",
    "azure": "on Azure",
    "wants-authorization": "where the gateway reads `Authorization`",
    "wants-x-api-key": "where the gateway reads `x-api-key`",
    "store-unknown": "where the store is not known",
    "other-headers": "where there are other headers",
    "open-to-others": "where others may read or write the file",
    "suggested": "where the right value is known",
    "known-proxy-variable": "where a variable holds the proxy",
    "key-in-dotenv": "where `.env` holds the key",
    "stray-marks": "where spaces or quotes are in it",
    "no-network-rights": "without rights on the network",
    "another-resolver-works": "where another resolver answers",
    "address-known": "where another resolver gives the address",
    "proxy-untrusted": "where its certificate is not trusted",
    "files-used-up": "where no file can be opened any more",
}
