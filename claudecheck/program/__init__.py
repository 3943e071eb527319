"""The user's own program, run as if nobody were looking on: its streams, its signals, its end, and what it is."""
