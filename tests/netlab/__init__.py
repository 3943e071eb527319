"""The second floor of the lab: real networks of Linux namespaces, real components, one fault each.

Run it
    sudo .ci/install-netlab                                  the components, once
    .ci/install-clients                                      old SDKs and Node, which some scenarios need
    python -m tests.netlab.runner                            all scenarios, four at once; exit 1 when a verdict is wrong
    python -m tests.netlab.runner --only proxy --record      some of them, with curl and the plain SDK beside the doctor
    python -m tests.netlab.runner --no-doctor                only prove that the faults are what they say
    python -m tests.netlab.runner --only proxy --paste sh    paste what is advised, and run the smallest program there
    python -m tests.netlab.runner --record --paste sh,bash,zsh,fish --json run.json &&
        python -m tests.netlab.report run.json docs/accuracy.md

No packet leaves the machine: all devices are pairs between namespaces named `cc-<pid>-…`, which are
removed at the end, after a failure and on Ctrl-C. Inside, the API lives at its real name and its
published addresses, behind an authority that only the lab's clients trust; the third parties that
the doctor asks (public resolvers, controls, portal checks, the status page) are there as well.

Add a scenario: ten lines in a file of `scenarios/`. The function is given a healthy network
(`network.py`) and changes what is broken; the sentence, the component and the right verdict stand above it.

    @scenario(
        "A firewall answers connections to the API with a reset",
        component="nftables, reject with tcp reset",
        expect=failing("tcp", "tcp-refused", "network"),
    )
    def reset_by_firewall(net: Network) -> None:
        net.router.forward += to_the_api("reject with tcp reset")

`net.client.program` is whose route the doctor walks, and `links` puts an installed client into its home.
`cannot_be_mended` says why nothing that is pasted there can help, although it is the user's own move.
A scenario with `questions` asks other commands as well, and grades what they say first:

        questions=(Question("compare --direct", r"^The proxy decides", variable="proxy", exit_code=14),),

What is where
    network.py   what a scenario can say          scenario.py   its format and the right verdict
    topology.py  builds it                        lab.py        one run: builds, asks, takes away
    resolvers.py web.py proxies.py link.py        the components
    api_server.py  the API's own answers, over a Unix socket that every namespace reaches
    client.py installed.py   the client's files, trust store and clock; clients that not every machine has
    runner.py outcome.py report.py                the command, the grading, docs/accuracy.md
"""
