#!/bin/sh
# Before each start of Kubo: what docs/storage.md has for it.
set -eu
ipfs config Addresses.API /ip4/0.0.0.0/tcp/5001
ipfs config Addresses.Gateway /ip4/0.0.0.0/tcp/8080
ipfs config --json Gateway.NoFetch true
ipfs config Gateway.RetrievalTimeout 10m
ipfs config Provide.Strategy pinned
ipfs config Datastore.StorageMax 500GB
ipfs config --json Datastore.Spec.mounts "$(ipfs config Datastore.Spec.mounts | sed 's/"sync": false/"sync": true/')"
