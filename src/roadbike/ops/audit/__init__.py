"""`roadbike audit`: checks on all databases and the broker of a shop that its invariants hold.

`shop.audit_shop` audits the shop of a home, `run.audit` any databases. `invariants`: what must
hold, as SQL. `copies` and `reading`: what is read of each service, into a `snapshot` that the
queries run on. `repairs`: what `--fix` can do.
"""
