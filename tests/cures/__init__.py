"""Cures, pasted: what a report advises is run in a real shell of the machine that failed, then the smallest program.

python -m tests.cures.demo_faults               every fault of the embedded lab, in sh, bash, zsh and fish
python -m tests.cures.demo_faults --only proxy  some of them
"""
