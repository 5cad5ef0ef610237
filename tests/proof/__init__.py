"""Proofs of the promises, each beside a control that must fail: `make proof`, docs/reliability.md.

A subject is a module with `prove(short)`. It does what could break a promise very often and counts the violations. The
same is done to a variant that is known to break the promise: a proof that finds nothing there proves nothing.
"""
