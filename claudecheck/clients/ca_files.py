"""Where the CA certificates of a machine lie, and how they are written. Pure.

Sources: the compiled-in paths of the distributions' OpenSSL, curl and Go (crypto/x509/root_linux.go), and
`httpcore2/_ssl.py` 2.16.2.
"""

from __future__ import annotations

import re

#: Debian, Ubuntu, Alpine and Arch keep hashed names beside the file; the others have the file alone.
HASHED_FOLDER = "/etc/ssl/certs"
#: The system's store in one file: the first that is there.
BUNDLES = (
    f"{HASHED_FOLDER}/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    f"{HASHED_FOLDER}/ca-bundle.crt",  # NixOS
    "/etc/ssl/cert.pem",  # Alpine's and macOS's OpenSSL
)
#: Where httpx2 looks, in its order, when OpenSSL's own paths lead nowhere.
HTTPX2_BUNDLES = (
    "/etc/ssl/cert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cert.pem",
    f"{HASHED_FOLDER}/ca-certificates.crt",
    "/etc/ssl/ca-bundle.pem",
)
#: How the whole public store is called, wherever it lies: a path that ends so names nothing private.
PUBLIC_ENDINGS = (*BUNDLES, "/certifi/cacert.pem")

#: What OpenSSL looks up in a folder: the subject's hash, in lower case, and a counter.
HASHED_NAME = re.compile(r"[0-9a-f]{8}\.[0-9]+")
#: One certificate in any of the spellings that OpenSSL reads; the group is its base64.
PEM_BLOCK = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----(.+?)-----END", re.DOTALL)
