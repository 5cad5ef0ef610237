"""`python -m tests.bench [subject …]` measures speed, as ratios within one run where it can, on both databases.

Each subject is one file and yields figures; the table is printed and written to build/bench.json. Nothing
here is asserted: what is needed of each figure stands beside it in the table.
"""
