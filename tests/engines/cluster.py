"""A Ray cluster of two nodes on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def two_nodes(cpus: int = 2) -> Iterator[str]:
    """The address of a cluster of two nodes, which RAY_ADDRESS names meanwhile."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=cpus, object_store_memory=100 << 20)
        with patch.dict(os.environ, RAY_ADDRESS=cluster.address):
            yield cluster.address
    finally:
        cluster.shutdown()
