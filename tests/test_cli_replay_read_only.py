"""What a profile protects is not written to by a replay, however its plan names the cluster and the run is entered."""

from __future__ import annotations

from pathlib import Path

import pytest

from kexplorer.cli_replay import replay
from kexplorer.model.profile import Profile
from kexplorer.model.replay import Place, Plan, ReplayRun, ReplaySource, ReplayTarget, TargetTopic
from kexplorer.store.plans import save_plan
from kexplorer.store.profiles import ProfileStore
from kexplorer.store.replay_runs import RunFolder

NOWHERE = "127.0.0.1:9"


@pytest.mark.parametrize("entry", ["begun", "resumed", "shared"])
@pytest.mark.parametrize("place", [Place(bootstrap=NOWHERE), Place(profile="kept")], ids=["by address", "by profile"])
def test_a_read_only_target_is_refused(
    place: Place, entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    ProfileStore().add(Profile("kept", NOWHERE, read_only=True))
    path = tmp_path / "plan.toml"
    plan = Plan("job", ReplaySource(place, ("a",)), ReplayTarget(place, {"a": "b"}))
    save_plan(path, plan)
    if entry == "resumed":
        run = ReplayRun(plan, (), {"a": 1}, {"a": TargetTopic("b", 1)}, {}, 0, "c", "c")
        RunFolder(path).begin(run)
        RunFolder(path).set_begun()
    assert replay([str(path), "--yes", *(["--group", "several"] if entry == "shared" else [])]) == 2
    assert "the profile kept is read-only" in capsys.readouterr().err
