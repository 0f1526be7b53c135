"""Searches that were interrupted go on, unless what they looked into is not there any more."""

from pathlib import Path

import pytest

from kexplorer.model.failure import Failure
from kexplorer.model.search import FilterSpec, SavedSearch, SearchQuery
from kexplorer.model.topics import OffsetRange, TopicPartition
from kexplorer.services.identity import ids_of
from kexplorer.services.search import Search
from kexplorer.services.searches import Searches
from kexplorer.store.home import Home
from tests.rig.loops import LoopRunner
from tests.services.fake_cluster import FakeCluster


def test_a_search_of_a_topic_that_was_made_anew_is_forgotten(aio: LoopRunner, tmp_path: Path) -> None:
    cluster, home = FakeCluster(), Home(tmp_path)
    cluster.add_topic("orders")
    cluster.ids["orders"] = "first"
    opened: list[SavedSearch | None] = []

    async def open_search(query: SearchQuery, _known: object, saved: SavedSearch | None) -> Search:
        opened.append(saved)
        return Search(query, lambda piece: pytest.fail(str(piece)), lambda: pytest.fail("no workers"))

    async def look() -> None:
        searches = Searches("shop", home.scans, home.filters, open_search)
        where = OffsetRange(TopicPartition("orders", 0), 0, 10)
        await searches.begin(SearchQuery((where,), FilterSpec("x"), 0, topic_ids=await ids_of(cluster, ["orders"])))
        saved = await searches.interrupted(["orders"])
        assert saved is not None
        await searches.resume(saved, cluster)
        assert opened[1] == saved
        cluster.ids["orders"] = "second"
        with pytest.raises(Failure, match="orders was deleted and made anew"):
            await searches.resume(saved, cluster)
        assert await searches.interrupted(["orders"]) is None

    aio.run(look())


@pytest.mark.expect_log("could not be used")
def test_a_disk_that_refuses_stops_no_search(aio: LoopRunner, tmp_path: Path) -> None:
    home = Home(tmp_path / "file")
    (tmp_path / "file").write_text("no folder")

    async def open_search(query: SearchQuery, known: object, saved: SavedSearch | None) -> Search:
        assert saved is None
        return Search(query, lambda piece: pytest.fail(str(piece)), lambda: pytest.fail("no workers"))

    async def look() -> None:
        searches = Searches("shop", home.scans, home.filters, open_search)
        await searches.begin(SearchQuery((), FilterSpec("x"), 0))

    aio.run(look())
