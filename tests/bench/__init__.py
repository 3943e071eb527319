"""`make bench`: whole commands against what they are compared with, in turn, in one run. Needs no internet.

The two of a pair run one after the other, so that a machine whose speed drifts slows both; the median of the pairs'
ratios is what counts. As root on Linux it measures on the network lab's lines, with real round trips and real
faults, and writes docs/performance.md; elsewhere it measures on loopback alone and writes nothing.
"""
