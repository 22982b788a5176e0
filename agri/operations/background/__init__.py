"""Work in the background: what a job does, in a process of its own, one after the other.

From low to high:

* `doing`: what each kind of job calls, and what came out of it;
* `child`: that process; `process`: it, as the worker sees it;
* `worker`: claims jobs, one at a time, and keeps how they ended.
"""
