"""The mathematics of certificates, one number at a time: noise laws, radii, bounds and tests.

All of it is float64 and depends on numpy and scipy.special only. Labels such as T1 or S6 refer to
docs/theory.md.
"""
