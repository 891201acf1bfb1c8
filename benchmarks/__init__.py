"""How fast it is, in ratios measured in one run: ``python -m benchmarks``, or ``python -m benchmarks NAME`` for one."""
