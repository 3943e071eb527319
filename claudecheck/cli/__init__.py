"""The commands, one file each: parse, examine, diagnose, render, exit. No logic of their own.

Everything heavy is imported inside the command that needs it, so that `--help` and `--version` are quick.
"""
