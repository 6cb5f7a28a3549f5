"""What holds a person together: edges and user ids without which it would fall apart.

Here: bridges and articulation points of small graphs (Tarjan 1972). Not here: what a graph's edges stand for (`audit`).
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Node = TypeVar("Node", bound=Hashable)


@dataclass(frozen=True)
class Weak(Generic[Node]):
    """Weak places of a graph.

    Attributes:
        bridges: edges (as given) whose loss splits a component, with the number of nodes on the smaller side.
        articulations: nodes whose loss splits a component.
    """

    bridges: dict[tuple[Node, Node], int]
    articulations: set[Node]


def weak_places(edges: Iterable[tuple[Node, Node]]) -> Weak[Node]:
    """Bridges and articulation points of an undirected graph; two edges between the same nodes hold each other up.

    Walks every component once, without recursion: time and memory grow with the edges.
    """
    given = [edge for edge in edges if edge[0] != edge[1]]
    around: dict[Node, list[tuple[Node, int]]] = defaultdict(list)
    for number, (left, right) in enumerate(given):
        around[left].append((right, number))
        around[right].append((left, number))
    found: Weak[Node] = Weak({}, set())
    seen: dict[Node, int] = {}
    for root in around:
        if root not in seen:
            _walk(root, around, given, seen, found)
    return found


def _walk(
    root: Node,
    around: dict[Node, list[tuple[Node, int]]],
    given: list[tuple[Node, Node]],
    seen: dict[Node, int],
    found: Weak[Node],
) -> None:
    """One component, depth first. `low` is the earliest node that a subtree reaches without the edge it hangs on."""
    begin = len(seen)
    seen[root] = begin
    low, size = {root: begin}, {root: 1}
    hanging: list[tuple[Node, Node, int]] = []  # child, parent, number of the edge between
    path = [(root, -1, iter(around[root]))]
    while path:
        node, came_by, rest = path[-1]
        for other, number in rest:
            if number == came_by:
                continue
            if other in seen:
                low[node] = min(low[node], seen[other])
                continue
            seen[other] = low[other] = len(seen)
            size[other] = 1
            path.append((other, number, iter(around[other])))
            break
        else:
            path.pop()
            if path:
                parent = path[-1][0]
                low[parent], size[parent] = min(low[parent], low[node]), size[parent] + size[node]
                hanging.append((node, parent, came_by))
    _tell(root, hanging, given, (seen, low, size), found)


def _tell(
    root: Node,
    hanging: list[tuple[Node, Node, int]],
    given: list[tuple[Node, Node]],
    measures: tuple[dict[Node, int], dict[Node, int], dict[Node, int]],
    found: Weak[Node],
) -> None:
    seen, low, size = measures
    for child, parent, number in hanging:
        if low[child] > seen[parent]:
            found.bridges[given[number]] = min(size[child], size[root] - size[child])
        if parent != root and low[child] >= seen[parent]:
            found.articulations.add(parent)
    if sum(parent == root for _, parent, _ in hanging) > 1:
        found.articulations.add(root)
