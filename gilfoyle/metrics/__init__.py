"""What a process measures, and how Prometheus reads it.

As loggers are, metrics are of the process: whoever measures imports its instrument. The names, their labels and their
meaning are in docs/operations.md, which a test holds to this. No label ever holds an id, an address or a name that a
client made up: each value of a label is a series that Prometheus keeps.
"""
