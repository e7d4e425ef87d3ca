"""Real Kubernetes controllers and a real KEDA that decide how many workers there are: `python -m bench cluster`."""
