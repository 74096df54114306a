"""Two versions of gsmooth side by side: the same runs, and what differs in their records.

Only the command line and the files of records are used, so that inner names may change freely.
"""
