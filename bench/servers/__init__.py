"""Real servers for the benchmark and for the tests, each in a temporary folder, on free ports of this machine."""
