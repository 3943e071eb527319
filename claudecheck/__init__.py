"""claudecheck: finds out why a program cannot reach the Claude API, and says what to do."""

__version__ = "0.1.0"
