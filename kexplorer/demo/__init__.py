"""A stand-in for a user's own cluster: an embedded broker and the programs of a small living shop.

Nothing here is imported by the rest of the package but `broker` and `process`; both need the standard library alone.
"""
