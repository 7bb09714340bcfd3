"""`roadbike drill`: faults and loads on a shop, each with a summary, checks and an exit code.

`command` has the list of the drills. A drill is an asynchronous function of the shop (`shop`) and
of the report (`report`) in which it writes what it has counted and checked. `load` puts load on a
gateway from a process of its own, `answers` counts what was answered.
"""
