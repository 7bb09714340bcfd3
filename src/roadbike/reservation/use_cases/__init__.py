"""The use cases of reservation, one file each.

desk.py takes a reserve request through steps.py (take pending, register, give up), resume.py finds
out what an earlier request with the same key came to, resolve.py cancels what nobody completes.
cancel.py is for buyers and staff, follow.py consumes events; both end in settle.py.
"""
