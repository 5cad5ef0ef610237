"""What is promised, measured: `python -m tests.reliability.SUBJECT`, with its figures in docs/reliability.md."""
