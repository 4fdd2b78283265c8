"""Collections, aliases and shards of the test server, kept in a folder so that they outlive a restart.

Each shard is one of the engine's, with its write-ahead log. Without shard keys a point's shard follows from its id,
as on a server; IDF is counted a shard, as there.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import edge
import qdrant_edge as qe
from edge import BadInput, NotOffered


class NotFound(Exception):
    """What the server answers 404 to."""


class Exists(Exception):
    """What the server answers 409 to."""


class Collection:
    """One collection: what was asked for when it was made, and its shards by `(shard key, number)`."""

    def __init__(
        self, root: Path, body: dict[str, Any], schema: dict[str, Any], keys: list[Any], *, new: bool
    ) -> None:
        self.root, self.body, self.schema, self.keys = root, body, schema, keys
        self.lock = threading.RLock()
        self.operations = 0
        vectors = body.get("vectors") or {}
        named = {"": vectors} if "size" in vectors else vectors
        self.sizes = {name: v["size"] for name, v in named.items()}
        self.sparse = set(body.get("sparse_vectors") or {})
        self.shards: dict[tuple[Any, int], qe.EdgeShard] = {}
        for key in keys if self.custom else [None]:
            self.add_shards(key, new=new)

    @property
    def custom(self) -> bool:
        """Whether points are placed by shard key."""
        return self.body.get("sharding_method") == "custom"

    def add_shards(self, key: Any, *, new: bool = True) -> None:
        """Open (or make) the shards of one key."""
        for number in range(self.body.get("shard_number") or 1):
            folder = self.root / f"{'all' if key is None else key}-{number}"
            shard = (
                qe.EdgeShard.create(str(folder), edge.config(self.body)) if new else qe.EdgeShard.load(str(folder))
            )
            for name, wanted in self.schema.items() if new else ():
                shard.update(qe.UpdateOperation.create_field_index(name, edge.index(wanted)))
            self.shards[key, number] = shard

    def of(self, selector: Any, *, writing: bool = False) -> list[qe.EdgeShard]:
        """The shards that an operation with this shard key selector reaches."""
        if isinstance(selector, dict):
            raise NotOffered("a fallback shard key")
        if selector is None:
            if self.custom and writing:
                raise BadInput("Wrong input: Shard key not specified")
            return list(self.shards.values())
        if not self.custom:
            raise BadInput("Wrong input: Shard key given, but the collection is sharded automatically")
        wanted = selector if isinstance(selector, list) else [selector]
        for key in wanted:
            if key not in self.keys:
                raise NotFound(f"Not found: Shard key {key} not found")
        return [shard for (key, _), shard in self.shards.items() if key in wanted]

    def placed(self, selector: Any, ids: Iterable[Any]) -> Iterator[tuple[qe.EdgeShard, list[int]]]:
        """Shards and the positions of the ids that belong there."""
        shards = self.of(selector, writing=True)
        places: dict[int, list[int]] = {}
        for position, one in enumerate(ids):
            places.setdefault(crc32(str(one).encode()) % len(shards), []).append(position)
        for number, positions in places.items():
            yield shards[number], positions

    def update(self, shards: Iterable[qe.EdgeShard], operation: qe.UpdateOperation) -> None:
        """Apply an operation to shards, one at a time."""
        with self.lock:
            self.operations += 1
            for shard in shards:
                shard.update(operation)


class Registry:
    """All collections and aliases."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}
        self._made = 0
        root.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            self._load()

    def get(self, name: str) -> Collection:
        """A collection by name or alias."""
        found = self.collections.get(self.aliases.get(name, name))
        if found is None:
            raise NotFound(f"Not found: Collection `{name}` doesn't exist!")
        return found

    def create(self, name: str, body: dict[str, Any]) -> None:
        """Make a collection."""
        with self.lock:
            if name in self.collections:
                raise Exists(f"Wrong input: Collection `{name}` already exists!")
            if name in self.aliases:
                raise BadInput(
                    f"Wrong input: Can't create collection with name {name}. Alias with the same name already exists"
                )
            self._made += 1
            self.collections[name] = Collection(self.root / f"c{self._made}", body, {}, [], new=True)
            self._save()

    def delete(self, name: str) -> bool:
        """Remove a collection and its aliases; whether it was there."""
        with self.lock:
            name = self.aliases.get(name, name)
            found = self.collections.pop(name, None)
            if found is None:
                return False
            self.aliases = {alias: to for alias, to in self.aliases.items() if to != name}
            self._save()
            with found.lock:
                for shard in found.shards.values():
                    shard.close()
            return True

    def change_aliases(self, actions: list[dict[str, Any]]) -> None:
        """Apply alias actions under one lock."""
        with self.lock:
            for action in actions:
                kind, about = next(iter(action.items()))
                if kind == "create_alias":
                    if about["collection_name"] not in self.collections:
                        raise NotFound(f"Not found: Collection `{about['collection_name']}` doesn't exist!")
                    if about["alias_name"] in self.collections:
                        raise Exists(f"Wrong input: Collection `{about['alias_name']}` already exists!")
                    self.aliases[about["alias_name"]] = about["collection_name"]
                elif kind == "delete_alias":
                    self.aliases.pop(about["alias_name"], None)
                else:
                    if about["old_alias_name"] not in self.aliases:
                        raise NotFound(f"Not found: Alias {about['old_alias_name']} does not exists!")
                    self.aliases[about["new_alias_name"]] = self.aliases.pop(about["old_alias_name"])
            self._save()

    def create_index(self, name: str, field: str, schema: Any) -> None:
        """Index a payload field in every shard."""
        found = self.get(name)
        with self.lock, found.lock:
            found.update(found.shards.values(), qe.UpdateOperation.create_field_index(field, edge.index(schema)))
            found.schema[field] = schema
            self._save()

    def create_shard_key(self, name: str, key: Any) -> None:
        """Add a shard key with its shards."""
        found = self.get(name)
        with self.lock, found.lock:
            if not found.custom:
                raise BadInput(f"Bad request: Shard Key {key} cannot be created with Auto sharding method")
            if key in found.keys:
                raise BadInput(f"Bad request: Shard key {key} already exists")
            found.add_shards(key)
            found.keys.append(key)
            self._save()

    # -- inside ----------------------------------------------------------------------------------------------

    def _save(self) -> None:
        state = {
            "made": self._made, "aliases": self.aliases,
            "collections": {
                name: {"folder": c.root.name, "body": c.body, "schema": c.schema, "keys": c.keys}
                for name, c in self.collections.items()
            },
        }  # fmt: skip
        new = self.root / "registry.new"
        new.write_text(json.dumps(state))
        new.replace(self.root / "registry.json")

    def _load(self) -> None:
        state = json.loads((self.root / "registry.json").read_text())
        self._made, self.aliases = state["made"], state["aliases"]
        for name, c in state["collections"].items():
            self.collections[name] = Collection(self.root / c["folder"], c["body"], c["schema"], c["keys"], new=False)
