"""`explain`: from an error text, a log or an exception to the problem that it shows, offline."""

from claudecheck.explanation.answer import explain, explain_error, explain_stream, explain_text
from claudecheck.explanation.model import Alternative, EvidenceLine, Explanation, OtherProblem
from claudecheck.explanation.scan import NotTextError

__all__ = [
    "Alternative",
    "EvidenceLine",
    "Explanation",
    "NotTextError",
    "OtherProblem",
    "explain",
    "explain_error",
    "explain_stream",
    "explain_text",
]
