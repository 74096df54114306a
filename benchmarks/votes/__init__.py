"""Stopping rules for "is p > share?", ours and others', on streams of votes.

cells.py: the cases and the looks; rivals.py: rules that are functions of the counts, for the exact
dynamic program; staged.py: fresh votes at every stage, exact too; gambler.py: a rule that depends
on the order of votes, simulated; replay.py: votes of real networks; tables.py: what is printed.
"""
