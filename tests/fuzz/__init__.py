"""Every parser of foreign bytes under a coverage-guided fuzzer: `make fuzz`. What it has found stays in `corpus/`."""
